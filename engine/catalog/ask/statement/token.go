package statement

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
	word      tokenKind = iota // a keyword, or the name of a column, table or function
	name                       // "name", `name` or [name]
	literal                    // 12, 1e9, 'text' or x'00'
	unclosed                   // the beginning of what has no end
	parameter                  // ?, ?1, :name, @name or $name
	operator
)

func (t token) end() int { return t.at + len(t.text) }

// is reports whether the token is one of those keywords or operators.
func (t token) is(texts ...string) bool {
	for _, text := range texts {
		if t.kind == operator && t.text == text || t.kind == word && strings.EqualFold(t.text, text) {
			return true
		}
	}
	return false
}

// operators are those of two characters or three.
var operators = []string{"->>", "->", "!=", "&&", "<<", "<=", "==", ">=", ">>", "||", "<>"}

// tokens splits a statement, without its comments.
func tokens(s string) []token {
	var list []token
	for i := 0; i < len(s); {
		n, kind := 1, operator
		rest := s[i:]
		switch c := rest[0]; {
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			i++
			continue
		case strings.HasPrefix(rest, "--"):
			i += lengthTo(rest, "\n")
			continue
		case strings.HasPrefix(rest, "/*"):
			i += lengthTo(rest, "*/")
			continue
		case (c == 'x' || c == 'X') && strings.HasPrefix(rest[1:], "'"):
			n, kind = quotedLength(rest[1:], '\'', literal)
			n++
		case isLetter(c):
			n, kind = span(rest, isWord), word
		case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
			n, kind = span(rest, func(c byte) bool { return isWord(c) || c == '.' }), literal
		case strings.IndexByte("?:@$", c) >= 0:
			n, kind = 1+span(rest[1:], isWord), parameter
		case c == '\'':
			n, kind = quotedLength(rest, c, literal)
		case c == '"' || c == '`':
			n, kind = quotedLength(rest, c, name)
		case c == '[':
			n, kind = quotedLength(rest, ']', name)
		default:
			for _, op := range operators {
				if strings.HasPrefix(rest, op) {
					n = len(op)
					break
				}
			}
		}
		list = append(list, token{kind, rest[:n], i})
		i += n
	}
	return list
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= utf8.RuneSelf }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '$' }

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

// quotedLength returns the length of what s begins with, to the quote that ends
// it. A quote in it is doubled.
func quotedLength(s string, quote byte, kind tokenKind) (int, tokenKind) {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != quote:
		case i+1 < len(s) && s[i+1] == quote && quote != ']':
			i++
		default:
			return i + 1, kind
		}
	}
	return len(s), unclosed
}
