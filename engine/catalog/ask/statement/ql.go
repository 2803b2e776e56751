package statement

import (
	"fmt"
	"regexp"
	"strings"
)

// What a statement of QL may have. QL takes a time that grows with the square of either,
// and does not look at a context meanwhile.
const (
	maxDepth     = 1000
	maxOperators = 10_000
)

// qlQuoted matches what is no code in QL: texts, runes and comments.
var qlQuoted = regexp.MustCompile("(?s)`[^`]*`|" + `"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|--[^\n]*|//[^\n]*|/\*.*?\*/`)

// qlOperator matches a character of an operator, or a word that is one.
var qlOperator = regexp.MustCompile(`(?i)[-+*/%&|^<>=!]|\b(?:and|or)\b`)

// CheckQL returns an [*Error] for a statement of QL that is nested too deep, or has too
// many operators, to be parsed in good time.
func CheckQL(s string) error {
	code := qlQuoted.ReplaceAllStringFunc(s, func(quoted string) string { return strings.Repeat(" ", len(quoted)) })
	depth := 0
	for at := range len(code) {
		switch code[at] {
		case '(', '[':
			if depth++; depth > maxDepth {
				return &Error{Statement: s, At: at, Msg: fmt.Sprintf("more than %d parentheses lie in each other", maxDepth)}
			}
		case ')', ']':
			depth--
		}
	}
	if found := qlOperator.FindAllStringIndex(code, maxOperators+1); len(found) > maxOperators {
		return &Error{Statement: s, At: found[maxOperators][0], Msg: fmt.Sprintf("more than %d operators are too many for QL: ask in SQL", maxOperators)}
	}
	return nil
}
