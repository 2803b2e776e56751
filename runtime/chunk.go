package runtime

import (
	"io"
	"strings"
)

// Chunk returns how many bytes at the beginning of text are one statement to be
// evaluated by a [REPL], and 0 if it goes on behind the text. Comments and blank
// lines are one too.
//
// A compound statement ends with a blank line unless an indented one follows,
// or before a line that is neither indented nor a comment nor an else.
func Chunk(text string) int {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	next := 0
	complete := true
	ended := false // the parser was told that a block ends here, and asked on
	_, err := replDialect.ParseCompoundStmt("", func() ([]byte, error) {
		for ; next < len(lines); next++ {
			switch line := lines[next]; {
			case next > 0 && passedOver(line, lines[next+1:]):
			case next > 0 && !ended && endsBlock(line) && !strings.HasSuffix(strings.TrimRight(lines[next-1], "\r\n"), `\`):
				ended = true
				return []byte("\n"), nil
			default:
				ended = false
				next++
				return []byte(strings.TrimRight(line, "\n") + "\n"), nil
			}
		}
		complete = false
		return nil, io.EOF
	})
	if !complete {
		return 0
	}
	if err != nil && next == len(lines) {
		return len(text)
	}
	return len(strings.Join(lines[:next], ""))
}

func blank(line string) bool { return strings.TrimSpace(line) == "" }

// endsBlock reports whether a line cannot belong to a block that began before.
func endsBlock(line string) bool {
	if blank(line) || strings.ContainsAny(line[:1], " \t#") {
		return false
	}
	word := line[:len(line)-len(strings.TrimLeft(line, "abcdefghijklmnopqrstuvwxyz"))]
	return word != "else" && word != "elif"
}

// passedOver reports whether a line, with the rest behind it, says nothing of
// where a block ends: a comment, or a blank line in front of an indented one.
// The parser would take both for the end.
func passedOver(line string, rest []string) bool {
	if !blank(line) {
		return strings.HasPrefix(strings.TrimSpace(line), "#") && !strings.Contains(line, `"""`) && !strings.Contains(line, "'''")
	}
	for _, line := range rest {
		if !blank(line) {
			return strings.ContainsAny(line[:1], " \t")
		}
	}
	return false
}
