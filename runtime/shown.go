package runtime

import (
	"strconv"
	"strings"
	"unicode"
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

// ShownLines is [Shown] for a text of several lines, which stay lines.
func ShownLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Shown(line)
	}
	return strings.Join(lines, "\n")
}
