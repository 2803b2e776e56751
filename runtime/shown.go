package runtime

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// maxShown is how many columns are shown of a text that is not ours.
const maxShown = 200

// A message has not more than maxLines lines, of not more than maxLine columns: what
// phlb has to say fits, with paths to copy.
const (
	maxLines = 100
	maxLine  = 1000
)

// Shown returns a line of text that somebody else wrote as it may be shown on a
// terminal: quoted if there is anything in it that would not appear as it is or
// would tell the terminal what to do, and not wider than 200 columns.
func Shown(line string) string {
	shown, more := firstBytes(line, 4*maxShown), "…"
	whole := len(shown) == len(line)
	plain := func(r rune) bool { return (unicode.IsPrint(r) || r == '\t') && r != unicode.ReplacementChar }
	if strings.IndexFunc(shown, func(r rune) bool { return !plain(r) }) >= 0 {
		shown, more = strconv.Quote(shown), `"…`
	}
	if whole && runewidth.StringWidth(shown) <= maxShown {
		return shown
	}
	if !whole {
		shown = strings.TrimSuffix(shown, `"`)
	}
	return runewidth.Truncate(shown, maxShown-runewidth.StringWidth(more), "") + more
}

// Message returns text as a message may show it: harmless, of not more than 100 lines,
// and of one that is wider than 1,000 columns 200, without its middle.
func Message(text string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		if n++; n > maxLines {
			b.WriteString("…")
			break
		}
		line, isLine := strings.CutSuffix(line, "\n")
		b.WriteString(short(line, maxLine))
		if isLine {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// short returns a line, harmless, and 200 columns of it without its middle where it is
// wider than most: what comes last may say what to do.
func short(line string, most int) string {
	first := firstBytes(line, 4*most)
	whole := len(first) == len(line)
	if first = Harmless(first); whole && runewidth.StringWidth(first) <= most {
		return first
	}
	last := Harmless(strings.ToValidUTF8(line[max(0, len(line)-maxShown):], ""))
	last = strings.TrimLeft(runewidth.TruncateLeft(last, max(0, runewidth.StringWidth(last)-maxShown/3), ""), " ")
	const between = " … "
	return runewidth.Truncate(first, maxShown-runewidth.StringWidth(between+last), "") + between + last
}

// firstBytes returns the beginning of a text that has not more than n bytes.
func firstBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
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
