package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// QL's errors are text: these are its words.
var (
	positioned = regexp.MustCompile(`^(\d+):(\d+): (.*)`)
	unexpected = regexp.MustCompile(`^unexpected (.*), expected (.*)`)
	undefined  = regexp.MustCompile(`^(?:undefined: |unknown function )(\S+)$`)
	noField    = regexp.MustCompile(`^unknown field (\S+)$`)
	noTable    = regexp.MustCompile(`^table (\S+) does not exist$`)
	noBlob     = regexp.MustCompile(`^cannot order by .*\[\]uint8\)$|^IN \(SELECT .*: invalid field type: \[\]uint8$`)
	keyword    = regexp.MustCompile(`\b[A-Z]{2,}\b`)
)

// explain makes a StatementError of what QL says of the statement.
func (s *statement) explain(err error) error {
	msg, at := err.Error(), -1
	if m := positioned.FindStringSubmatch(msg); m != nil {
		msg, at = m[3], s.tokenBefore(m[1], m[2])
	}
	if m := unexpected.FindStringSubmatch(msg); m != nil {
		if m[1] == "$end" {
			at = -1
		}
		return s.unexpected(at, m[2])
	}
	if m := undefined.FindStringSubmatch(msg); m != nil {
		return s.unknown("function", m[1], functions)
	}
	if m := noField.FindStringSubmatch(msg); m != nil {
		return s.unknown("column", m[1], s.columns())
	}
	if m := noTable.FindStringSubmatch(msg); m != nil {
		return s.unknown("table", m[1], tableNames())
	}
	if noBlob.MatchString(msg) {
		return s.errorAt(-1, "a blob such as a digest can be compared with ==, but not be ordered by, nor looked for with IN (SELECT …): join the tables", err)
	}
	return s.errorAt(-1, msg, err)
}

// explainLate is for errors that come with the rows, most of which are not
// about the statement.
func (s *statement) explainLate(err error) error {
	var e *StatementError
	if err == nil || errors.As(err, &e) || !errors.As(s.explain(err), &e) || e.Msg == err.Error() {
		return err
	}
	return e
}

// planless returns why there is no plan, in the place of the row that EXPLAIN
// has for that, and nil if the row is of a plan.
func (s *statement) planless(row []any) error {
	if text, ok := row[0].(string); ok && s.tokens[0].is("EXPLAIN") {
		if why, ok := strings.CutPrefix(text, "ERROR: "); ok {
			return s.explain(errors.New(why))
		}
	}
	return nil
}

// tokenBefore returns the token that ends at a place in what QL was asked: it
// names the place behind the word that it stumbled upon.
func (s *statement) tokenBefore(line, column string) int {
	n, _ := strconv.Atoi(line)
	col, _ := strconv.Atoi(column)
	offset := 0
	for ; n > 1; n-- {
		offset += strings.Index(s.asked[offset:], "\n") + 1
	}
	offset += col - 1
	for i := len(s.ends) - 1; i >= 0; i-- {
		if s.ends[i] <= offset {
			return i
		}
	}
	return 0
}

// unexpected makes an error about a token, or about the end if that is -1.
func (s *statement) unexpected(at int, expected string) error {
	if at < 0 {
		e := s.errorAt(-1, "the statement is not complete", nil)
		e.At = len(strings.TrimRight(s.text, " \t\r\n;"))
		return e
	}
	t := s.tokens[at]
	e := s.errorAt(at, "unexpected "+t.text, nil)
	if t.kind == word {
		e.Unknown, e.Known = strings.ToUpper(t.text), keyword.FindAllString(expected, -1)
	}
	return e
}

// unknown makes an error about a name, which may have that of a table in front.
func (s *statement) unknown(what, name string, known []string) error {
	at := slices.IndexFunc(s.tokens, func(t token) bool { return t.kind == word && t.text == name })
	last := name[strings.LastIndex(name, ".")+1:]
	for i := 2; i < len(s.tokens) && at < 0; i++ {
		if s.tokens[i].text == last && s.tokens[i-1].is(".") && s.tokens[i-2].text+"."+last == name {
			at = i
		}
	}
	switch {
	case slices.Contains(known, name) && len(s.sources()) > 1:
		return s.errorAt(at, fmt.Sprintf("%s is a column of which table? Write TABLE.%[1]s, for there are several", name), nil)
	case slices.Contains(known, name): // what ORDER BY may name is narrower
		return s.errorAt(at, name+" is not among what the statement selects: add it there", nil)
	}
	e := s.errorAt(at, "there is no "+what+" "+name, nil)
	e.Unknown, e.Known = last, known
	return e
}

// columns lists those of the tables that the statement mentions, of all if it
// mentions none.
func (s *statement) columns() (names []string) {
	var all []string
	for _, t := range tables {
		mentioned := slices.ContainsFunc(s.tokens, func(w token) bool { return w.kind == word && w.text == t.Name })
		for _, c := range t.Columns {
			all = append(all, c.Name)
			if mentioned {
				names = append(names, c.Name)
			}
		}
	}
	if names == nil {
		return all
	}
	return names
}

func tableNames() (names []string) {
	for _, t := range tables {
		names = append(names, t.Name)
	}
	return names
}

// name gives the columns of a result that have no name, for they are computed,
// the words that they are computed by.
func (s *statement) name(columns []string) []string {
	if s.tokens[0].is("EXPLAIN") {
		return []string{"plan"}
	}
	i := 1
	if s.next(0).is("DISTINCT") {
		i++
	}
	var words []string
	depth, from := 0, i
	for ; i < len(s.tokens); i++ {
		switch t := s.tokens[i]; {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case depth == 0 && (t.is(",") || t.is("FROM")):
			if i > from {
				words = append(words, s.text[s.tokens[from].at:s.tokens[i-1].end()])
			}
			from = i + 1
		}
		if depth == 0 && s.tokens[i].is("FROM") {
			break
		}
	}
	columns = slices.Clone(columns)
	for i := range columns {
		if columns[i] == "" && len(words) == len(columns) {
			columns[i] = strings.Join(strings.Fields(words[i]), " ")
		}
	}
	return columns
}
