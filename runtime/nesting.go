package runtime

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"go.starlark.net/syntax"
)

// maxDigits is how long a number may be in a source: how long it takes to read one
// grows with the square of that.
const maxDigits = 100_000

// firstExcess finds what no script has and what would take the parser, the resolver
// and the compiler too far. They call themselves where brackets and operators lie in
// each other, and would end the process; a chain such as 1+1+1 is as deep as it is
// long.
func firstExcess(name, src string) (at syntax.Position, err error) {
	var open []int // by bracket that is open: the depth outside
	depth := 0     // of the expression so far
	base := 0      // of it: where it began
	line, start := 1, 0
	branches := 0 // of one if statement
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == '\n':
			line, start = line+1, i+1
			if len(open) == 0 {
				depth, base = 0, 0
			}
			i++
		case c == '#':
			i += len(src[i:]) - len(strings.TrimLeft(src[i:], "#"))
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case c == '"' || c == '\'':
			end := stringEnd(src, i)
			line += strings.Count(src[i:end], "\n")
			if at := strings.LastIndexByte(src[i:end], '\n'); at >= 0 {
				start = i + at + 1
			}
			i = end
		case strings.IndexByte("([{", c) >= 0:
			depth++
			open = append(open, base)
			base = depth
			i++
		case strings.IndexByte(")]}", c) >= 0:
			if n := len(open); n > 0 {
				depth, base, open = base, open[n-1], open[:n-1]
			}
			i++
		case c == ',' || c == ';':
			depth = base
			i++
		case nameByte(c):
			end := i
			for end < len(src) && nameByte(src[end]) {
				end++
			}
			if c <= '9' && end-i > maxDigits {
				err = fmt.Errorf("a number may have %s digits, and this one has %s", humanize.Comma(maxDigits), humanize.Comma(int64(end-i)))
				end = i
			}
			switch word := src[i:end]; word {
			case "elif":
				branches++
				depth += branches
			case "if", "else", "and", "or", "not", "in", "lambda", "for":
				if word == "if" && len(open) == 0 && strings.TrimSpace(src[start:i]) == "" {
					branches = 0
				}
				depth++
			}
			i = end
		case strings.IndexByte("+-*/%|&^~<>=!.", c) >= 0:
			depth++
			for i++; i < len(src) && strings.IndexByte("/<>=", src[i]) >= 0; { // one operator
				i++
			}
		default:
			i++
		}
		if depth > maxDepth {
			err = fmt.Errorf("too deep: %w", errDeep)
		}
		if err != nil {
			return syntax.MakePosition(&name, int32(line), max(1, int32(len([]rune(src[start:min(i, len(src))]))))), err
		}
	}
	return syntax.Position{}, nil
}

// stringEnd returns where the string that begins at src[i] ends.
func stringEnd(src string, i int) int {
	quote := src[i : i+1]
	if strings.HasPrefix(src[i:], strings.Repeat(quote, 3)) {
		quote = src[i : i+3]
	}
	raw := i > 0 && (src[i-1] == 'r' || src[i-1] == 'R')
	for i += len(quote); i < len(src); i++ {
		switch {
		case src[i] == '\\' && (!raw || i+1 < len(src)):
			i++
		case strings.HasPrefix(src[i:], quote):
			return i + len(quote)
		case src[i] == '\n' && len(quote) == 1:
			return i // which the parser complains of
		}
	}
	return len(src)
}
