// Package text makes text of bytes, and says how two texts differ.
package text

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Visible shows what turns the direction of writing, and so may have a text look like
// another one: see Unicode Technical Standard 55.
func Visible(text string) string { return turnings.Replace(text) }

var turnings = func() *strings.Replacer {
	var pairs []string
	for _, c := range Turning {
		pairs = append(pairs, string(c), fmt.Sprintf("⟨%U⟩", c))
	}
	return strings.NewReplacer(pairs...)
}()

// Turning has the characters that do so.
const Turning = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

// Decode makes text of bytes by the encoding that they seem to have, and returns "" for
// that where they seem to be no text. What is cut may end within a character.
func Decode(b []byte, cut bool) (text, encoding string) {
	if len(b) >= 2 && (b[0] == 0xff && b[1] == 0xfe || b[0] == 0xfe && b[1] == 0xff) {
		decoded, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(b[:len(b)&^1])
		if err == nil {
			return string(decoded), "UTF-16"
		}
	}
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\b' && c != 0x1b {
			return "", ""
		}
	}
	whole := b
	for n := 0; cut && n < utf8.UTFMax && len(whole) > 0; n++ {
		if r, size := utf8.DecodeLastRune(whole); r != utf8.RuneError || size != 1 {
			break
		}
		whole = whole[:len(whole)-1]
	}
	if utf8.Valid(whole) {
		return strings.TrimPrefix(string(whole), "\ufeff"), "UTF-8"
	}
	decoded, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return "", ""
	}
	return string(decoded), "Windows-1252"
}

// Row is a line of a text: of both, or of one of them.
type Row struct {
	What string `json:"what"` // added, removed, same or gap
	Old  int    `json:"old,omitempty"`
	New  int    `json:"new,omitempty"`
	Text string `json:"text"`
}

// Sign is what stands before the line.
func (d Row) Sign() string {
	switch d.What {
	case "added":
		return "+"
	case "removed":
		return "−"
	}
	return ""
}

// Compare returns the lines in which two texts differ, with some around them, and
// whether there are more than so many.
func Compare(before, after string, most int) (rows []Row, more bool) {
	old, new := 0, 0
	unified := diff.Diff("a", []byte(before), "b", []byte(after))
	for line := range strings.Lines(string(unified)) {
		line = strings.TrimSuffix(line, "\n")
		if len(rows) == most {
			return rows, true
		}
		switch {
		case strings.HasPrefix(line, "@@ "):
			var oldLines, newLines int
			if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &old, &oldLines, &new, &newLines); err != nil {
				continue // the library writes them so
			}
			if len(rows) > 0 {
				rows = append(rows, Row{What: "gap"})
			}
		case old == 0 && new == 0, strings.HasPrefix(line, `\`): // the names of the files; the lack of a last newline
		case strings.HasPrefix(line, "+"):
			rows = append(rows, Row{"added", 0, new, line[1:]})
			new++
		case strings.HasPrefix(line, "-"):
			rows = append(rows, Row{"removed", old, 0, line[1:]})
			old++
		default:
			rows = append(rows, Row{"same", old, new, strings.TrimPrefix(line, " ")})
			old++
			new++
		}
	}
	return rows, false
}
