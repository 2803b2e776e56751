package show

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// Printable quotes what would not appear on a terminal as it is, or would tell
// the terminal what to do.
func Printable(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(text)
	}
	return text
}

// Wrap breaks a text into lines of at most width columns, all indented.
func Wrap(text string, indent, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := runewidth.StringWidth(word)
		switch {
		case column == 0:
			b.WriteString(strings.Repeat(" ", indent))
			column = indent
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String() + "\n"
}

// Glossary writes pairs of a name and its meaning so that they fit into width:
// side by side, or the meaning below where the name is long.
func Glossary(pairs [][]string, width int) string {
	indent := min(32, width/3)
	var b strings.Builder
	for _, p := range pairs {
		name, meaning := p[0], Wrap(p[1], indent, width)
		if room := indent - len(gap) - runewidth.StringWidth(name); room >= 0 {
			b.WriteString(name + strings.Repeat(" ", room) + gap + strings.TrimLeft(meaning, " "))
		} else {
			b.WriteString(strings.TrimLeft(Wrap(name, 4, width), " ") + meaning)
		}
	}
	return b.String()
}
