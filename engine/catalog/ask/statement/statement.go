// Package statement looks at the words of a statement in SQL, for what SQLite does
// not tell of them: what somebody may have meant whose statement is wrong, or means
// something else than it says, and which columns it compares in what way.
//
// It takes a statement apart no further than into words. Whether it is right, SQLite
// decides.
package statement

import (
	"slices"
	"strings"
)

// A Statement is one, or what somebody took for one.
type Statement struct {
	text  string
	words []token
}

// Of takes a text apart.
func Of(text string) *Statement { return &Statement{text, tokens(text)} }

// IsExplain reports whether the statement asks how another one would be answered.
func (s *Statement) IsExplain() bool { return len(s.words) > 0 && s.words[0].is("EXPLAIN") }

// Collates reports whether the statement compares texts in a way of its own.
func (s *Statement) Collates() bool {
	return slices.ContainsFunc(s.words, func(t token) bool { return t.is("COLLATE") })
}

// Mentions reports whether the statement names a column, or all that tables have in
// common: of those that tables are joined by, SQLite does not tell that it reads
// them.
func (s *Statement) Mentions(column string) bool {
	return slices.ContainsFunc(s.words, func(t token) bool {
		return t.is(column, "NATURAL") || t.kind == name && strings.EqualFold(t.text[1:len(t.text)-1], column)
	})
}

// Several returns which of the columns the statement looks for in a list, or
// compares with one value or another.
func (s *Statement) Several(columns []string) map[string]bool {
	list := s.words
	several, once := map[string]bool{}, map[string]bool{}
	either := slices.ContainsFunc(list, func(t token) bool { return t.is("OR") })
	for i, t := range list[:max(len(list)-1, 0)] {
		if t.is(")") && list[i+1].is("IN") { // (a, b) IN
			for _, c := range columns {
				several[c] = true
			}
		}
		if t.kind != word && t.kind != name {
			continue
		}
		called := strings.ToLower(strings.Trim(t.text, "\"`[]"))
		next := list[i+1]
		switch {
		case next.is("IN"):
			several[called] = true
		case next.is("=", "==", "IS") && either && once[called]:
			several[called] = true
		case next.is("=", "==", "IS"):
			once[called] = true
		}
	}
	return several
}

// Start returns where the first word of a statement stands.
func Start(text string) int {
	at, _ := Next(text, 0)
	return at
}

// Next returns where something stands behind an offset that is neither space nor
// comment nor semicolon, and whether there is anything.
func Next(text string, from int) (at int, ok bool) {
	for i := from; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "--"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				return len(text), false
			}
			i += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return len(text), false
			}
			i += end + 4
		case strings.IndexByte(" \t\r\n\f;", rest[0]) >= 0:
			i++
		default:
			return i, true
		}
	}
	return len(text), false
}
