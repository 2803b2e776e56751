package runtime

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxShown is how much of a text that is not ours is shown in one line.
const maxShown = 200

// Shown returns a line of text that somebody else wrote as it may be shown on a
// terminal: quoted if there is anything in it that would not appear as it is or
// would tell the terminal what to do, and not longer than 200 characters.
func Shown(line string) string {
	cut := ""
	if len(line) > maxShown {
		if r := []rune(line[:min(len(line), 4*maxShown+4)]); len(r) > maxShown {
			line, cut = string(r[:maxShown-1]), "…"
		}
	}
	plain := func(r rune) bool { return (unicode.IsPrint(r) || r == '\t') && r != unicode.ReplacementChar }
	if strings.IndexFunc(line, func(r rune) bool { return !plain(r) }) >= 0 {
		line = strconv.Quote(line)
	}
	return line + cut
}

// Harmless returns text without what would tell a terminal what to do: each such
// character becomes the one that Go would write for it. Lines stay lines.
func Harmless(text string) string {
	harmful := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }
	if utf8.ValidString(text) && strings.IndexFunc(text, harmful) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if harmful(r) || r == utf8.RuneError && size == 1 {
			b.WriteString(strings.Trim(strconv.Quote(text[:size]), `"`))
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}
