package catalog

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"modernc.org/ql"
)

// Text is a value for a statement that somebody typed. It is taken for what the
// column holds that it is compared with, else for a number if it looks like one.
type Text string

// A StatementError is a statement that cannot be asked.
type StatementError struct {
	Statement string
	At        int // byte offset of what is wrong, -1 where that is not known
	Msg       string
	Unknown   string   // a name that means nothing here, "" if that is not it
	Known     []string // those that would have

	err error
}

// Error says what is wrong, behind line and column where they are known.
func (e *StatementError) Error() string {
	if e.At < 0 {
		return e.Msg
	}
	line, column, _ := e.Place()
	return fmt.Sprintf("%d:%d: %s", line, column, e.Msg)
}

// Place returns the line and the column, in characters from 1, of what is
// wrong, and the text of the line. They are 0 where that is not known.
func (e *StatementError) Place() (line, column int, text string) {
	if e.At < 0 {
		return 0, 0, ""
	}
	before := e.Statement[:e.At]
	start := strings.LastIndex(before, "\n") + 1
	text, _, _ = strings.Cut(e.Statement[start:], "\n")
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1, text
}

func (e *StatementError) Unwrap() error { return e.err }

// A statement is what QL is asked in the place of what somebody wrote. Strings
// may be written 'so', functions in any case, and what is compared with a time,
// a digest or a number may be a string.
type statement struct {
	text   string
	tokens []token
	zone   *time.Location

	asked string // of QL
	ends  []int  // of the tokens, in that
	list  ql.List
	args  []any
	given int // how many of args the caller has given
}

func prepare(text string, args []any, zone *time.Location) (*statement, error) {
	s := &statement{text: text, tokens: tokens(text), zone: zone, args: slices.Clone(args), given: len(args)}
	for len(s.tokens) > 0 && s.tokens[len(s.tokens)-1].is(";") {
		s.tokens = s.tokens[:len(s.tokens)-1]
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	err := s.translate()
	if err != nil {
		return nil, err
	}
	for i, v := range s.args {
		switch v := v.(type) {
		case int:
			s.args[i] = int64(v) // the type of all columns of numbers; QL converts none
		case Text:
			s.args[i] = guess(string(v))
		}
	}
	if s.list, err = ql.Compile(s.asked); err != nil {
		return nil, s.explain(err)
	}
	if !readOnly(s.list) {
		return nil, s.errorAt(-1, ErrReadOnly.Error(), ErrReadOnly)
	}
	return s, nil
}

// check looks at the statement as a whole.
func (s *statement) check() error {
	if len(s.tokens) == 0 {
		return s.errorAt(-1, ErrReadOnly.Error(), ErrReadOnly)
	}
	if first := s.tokens[0]; !first.is("SELECT") && !first.is("EXPLAIN") {
		err := s.errorAt(0, ErrReadOnly.Error()+", and nothing is changed", ErrReadOnly)
		if first.kind == word {
			err.Unknown, err.Known = strings.ToUpper(first.text), []string{"SELECT", "EXPLAIN"}
		}
		return err
	}
	for i, t := range s.tokens {
		switch {
		case t.is(";"):
			return s.errorAt(i, ErrReadOnly.Error()+": ask these one by one", ErrReadOnly)
		case t.kind == unclosed:
			return s.errorAt(i, "this string does not end", nil)
		case t.is("sleep") && s.next(i).is("("):
			return s.errorAt(i, "sleep cannot be stopped, and is not for a catalog", nil)
		}
	}
	return nil
}

// errorAt makes an error about token i, or about no place if that is -1.
func (s *statement) errorAt(i int, msg string, err error) *StatementError {
	e := &StatementError{Statement: s.text, At: -1, Msg: msg, err: err}
	if i >= 0 {
		e.At = s.tokens[i].at
	}
	return e
}

func (s *statement) next(i int) token {
	if i++; i < len(s.tokens) && i >= 0 {
		return s.tokens[i]
	}
	return token{kind: operator}
}

// translate makes what QL is to be asked.
func (s *statement) translate() error {
	var b strings.Builder
	used := make([]bool, s.given)
	sources := s.sources()
	at := 0
	for i, t := range s.tokens {
		b.WriteString(s.text[at:t.at])
		at = t.end()
		text := t.text
		switch t.kind {
		case operator:
			if text == "<>" {
				text = "!="
			}
		case word:
			if slices.Contains(sources, i) {
				text = s.source(i)
			} else {
				text = s.function(i)
			}
		case number:
			column := s.comparedWith(i)
			if kind := columnType(column); kind != "" && kind != "int64" && kind != "float64" {
				return s.errorAt(i, fmt.Sprintf("%s is %s", column, kinds[kind]), nil)
			}
		case quoted:
			value := unquote(text)
			if text[0] == '\'' {
				text = quote(value)
			}
			var err error
			if text, err = s.bind(i, value, text); err != nil {
				return err
			}
		case param:
			n, err := strconv.Atoi(text[1:])
			if err != nil || n < 1 || n > s.given {
				return s.errorAt(i, "no value is given for "+text, nil)
			}
			used[n-1] = true
			switch value := s.args[n-1].(type) {
			case Text:
				text, err = s.bind(i, string(value), text)
			case string:
				text, err = s.bind(i, value, text)
			case int, int64: // QL converts none
				if columnType(s.comparedWith(i)) == "float64" {
					text, err = s.bind(i, fmt.Sprint(value), text)
				}
			}
			if err != nil {
				return err
			}
		}
		b.WriteString(text)
		s.ends = append(s.ends, b.Len())
	}
	if n := slices.Index(used, false); n >= 0 {
		return s.errorAt(-1, fmt.Sprintf("the statement has no place for value %d, %v: write $%d there", n+1, s.args[n], n+1), nil)
	}
	s.asked = b.String()
	return nil
}

// sources returns which tokens are names of what is selected from.
func (s *statement) sources() (found []int) {
	listed := []bool{false} // by depth of parentheses: whether these are the sources of a SELECT
	for i, t := range s.tokens {
		inner := len(listed) - 1
		switch {
		case t.is("("):
			listed = append(listed, false)
		case t.is(")"):
			listed = listed[:max(inner, 1)]
		case t.is("FROM"):
			listed[inner] = true
		case t.is("WHERE"), t.is("GROUP"), t.is("ORDER"), t.is("LIMIT"), t.is("OFFSET"), t.is("ON"):
			listed[inner] = false
		}
		before := s.next(i - 2)
		if t.kind == word && (before.is("JOIN") || listed[inner] && (before.is("FROM") || before.is(","))) {
			found = append(found, i)
		}
	}
	return found
}

// source returns the word at i as QL is to be asked for it: of a table that is
// not stored, the SELECT that it stands for.
func (s *statement) source(i int) string {
	name := s.tokens[i].text
	at := slices.IndexFunc(tables, func(t Table) bool { return t.Name == name })
	if at < 0 || tables[at].view == "" {
		return name
	}
	if s.next(i).is("AS") {
		return "(" + tables[at].view + ")"
	}
	return "(" + tables[at].view + ") AS " + name
}

// function returns the word at i, and if that is a function, as QL writes it.
func (s *statement) function(i int) string {
	name := s.tokens[i].text
	if s.next(i).is("(") {
		for _, f := range functions {
			if strings.EqualFold(f, name) {
				return f
			}
		}
	}
	return name
}

// kinds says how values of other columns than strings are written.
var kinds = map[string]string{
	"int64":   "a number, such as 12, 0644 or '4GiB'",
	"float64": "a number, such as 0.1",
	"time":    "a time, such as '2026-11-22' or '2026-11-22 10:45:00'",
	"blob":    "a digest, 64 hexadecimal digits in quotes",
	"string":  "text, and that is written in quotes",
}

// bind returns what stands for a string where it is compared with a column: a
// parameter of the column's type, or as it was if that is a string too.
func (s *statement) bind(i int, value, as string) (string, error) {
	column := s.comparedWith(i)
	var converted any
	var err error
	switch columnType(column) {
	case "int64":
		converted, err = parseNumber(value)
	case "float64":
		converted, err = strconv.ParseFloat(value, 64)
	case "time":
		converted, err = parseTime(value, s.zone)
	case "blob":
		converted, err = hex.DecodeString(value)
	case "string":
		converted = value
		if s.tokens[i].kind == quoted {
			return as, nil
		}
	default:
		return as, nil
	}
	if err != nil {
		return "", s.errorAt(i, fmt.Sprintf("%q: %s is %s", value, column, kinds[columnType(column)]), nil)
	}
	s.args = append(s.args, converted)
	return fmt.Sprintf("$%d", len(s.args)), nil
}

// comparedWith returns the column that the value at i is compared with, "" if
// there is none.
func (s *statement) comparedWith(i int) string {
	before := func(n int) token { return s.next(i - n - 1) }
	column := func(i int) string { // that ends before i
		if s.next(i - 2).is("NOT") {
			i--
		}
		if t := s.next(i - 2); t.kind == word {
			return t.text
		}
		return ""
	}
	switch {
	case comparison(before(1)):
		return column(i - 1)
	case before(1).is("BETWEEN"):
		return column(i - 1)
	case before(1).is("AND") && before(3).is("BETWEEN"):
		return column(i - 3)
	case comparison(s.next(i)):
		j := i + 2
		for s.next(j).is(".") {
			j += 2
		}
		if s.next(j).is("(") {
			return ""
		}
		return s.next(j - 1).text
	}
	for j := i - 1; j > 0 && (s.tokens[j].is(",") || s.tokens[j].is("(") || s.tokens[j].kind == quoted ||
		s.tokens[j].kind == number || s.tokens[j].kind == param); j-- {
		if s.tokens[j].is("(") && s.tokens[j-1].is("IN") {
			return column(j - 1)
		}
	}
	return ""
}

func comparison(t token) bool {
	return t.kind == operator && slices.Contains([]string{"=", "==", "!=", "<>", "<", "<=", ">", ">="}, t.text)
}

// unquote returns what the string t stands for.
func unquote(t string) string {
	inner := t[1 : len(t)-1]
	switch t[0] {
	case '\'':
		return strings.ReplaceAll(inner, "''", "'")
	case '"':
		if text, err := strconv.Unquote(t); err == nil {
			return text
		}
	}
	return inner
}

// quote writes a string for QL, in as many bytes as it had where that goes.
func quote(text string) string {
	if !strings.Contains(text, "`") {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// guess is for a value that is compared with no column.
func guess(text string) any {
	if n, err := parseNumber(text); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return text
}

// parseNumber takes units too: 4GiB.
func parseNumber(text string) (int64, error) {
	shift := 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if digits, ok := strings.CutSuffix(text, unit); ok {
			text, shift = digits, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err == nil && n<<shift>>shift != n {
		err = strconv.ErrRange
	}
	return n << shift, err
}

// parseTime takes a time without a zone for one of zone.
func parseTime(text string, zone *time.Location) (time.Time, error) {
	if zone == nil {
		zone = time.UTC
	}
	for _, layout := range []string{
		time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339Nano,
	} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("not a time")
}
