package catalog

import (
	"strings"
	"unicode/utf8"
)

// A token is a word of a statement.
type token struct {
	kind tokenKind
	text string
	at   int // byte offset in the statement
}

type tokenKind int

const (
	word     tokenKind = iota // a keyword, or the name of a column, table or function
	number                    // 12, 0644, 1e9
	quoted                    // "text", 'text' or `text`
	unclosed                  // the beginning of one of these
	param                     // $1 or ?1
	operator
)

func (t token) end() int { return t.at + len(t.text) }

// is reports whether the token is that keyword or operator.
func (t token) is(text string) bool {
	return t.kind == operator && t.text == text || t.kind == word && strings.EqualFold(t.text, text)
}

// tokens splits a statement, without its comments. Unlike QL it takes 'text'
// for a string, as everybody else does.
func tokens(s string) []token {
	var list []token
	for i := 0; i < len(s); {
		n, kind := 1, operator
		rest := s[i:]
		switch c := rest[0]; {
		case strings.ContainsRune(" \t\r\n", rune(c)):
			i++
			continue
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"):
			i += lengthTo(rest, "\n")
			continue
		case strings.HasPrefix(rest, "/*"):
			i += lengthTo(rest, "*/")
			continue
		case letter(c):
			n, kind = span(rest, func(c byte) bool { return letter(c) || digit(c) }), word
		case digit(c), c == '.' && len(rest) > 1 && digit(rest[1]):
			n, kind = span(rest, func(c byte) bool { return letter(c) || digit(c) || c == '.' }), number
		case c == '$' || c == '?':
			n, kind = 1+span(rest[1:], func(c byte) bool { return letter(c) || digit(c) }), param
		case c == '"' || c == '\'' || c == '`':
			n, kind = stringLength(rest)
		default:
			for _, op := range []string{"!=", "&&", "&^", "<<", "<=", "==", ">=", ">>", "||", "<>"} {
				if strings.HasPrefix(rest, op) {
					n = 2
				}
			}
		}
		list = append(list, token{kind, rest[:n], i})
		i += n
	}
	return list
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= utf8.RuneSelf }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func span(s string, in func(byte) bool) int {
	for i := range len(s) {
		if !in(s[i]) {
			return i
		}
	}
	return len(s)
}

// lengthTo returns the length of s to the end of what ends it.
func lengthTo(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// stringLength returns the length of the string that s begins with. A quote in
// 'text' is doubled; in "text" it comes behind a backslash.
func stringLength(s string) (int, tokenKind) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			i++
		case s[i] != quote:
		case quote == '\'' && strings.HasPrefix(s[i:], "''"):
			i++
		default:
			return i + 1, quoted
		}
	}
	return len(s), unclosed
}

// Length returns how many bytes at the beginning of text are one statement with
// the semicolon that ends it, and 0 if there is none.
func Length(text string) int {
	for _, t := range tokens(text) {
		if t.is(";") {
			return t.end()
		}
	}
	return 0
}

// Unclosed returns where the string begins that text ends in, and false if it
// ends in none.
func Unclosed(text string) (int, bool) {
	list := tokens(text)
	if n := len(list); n > 0 && list[n-1].kind == unclosed {
		return list[n-1].at, true
	}
	return 0, false
}
