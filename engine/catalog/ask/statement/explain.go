package statement

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
)

// SQLite's errors are text: these are its words.
var (
	noTable     = regexp.MustCompile(`^no such table: (?:main\.)?(\S+)$`)
	noColumn    = regexp.MustCompile(`^no such column: (\S+)$`)
	noString    = regexp.MustCompile(`^no such column: "(.*)" - should this be`)
	noFunction  = regexp.MustCompile(`^no such function: (\S+)$`)
	ambiguous   = regexp.MustCompile(`^ambiguous column name: (\S+)$`)
	wrongNumber = regexp.MustCompile(`^(?:wrong number of arguments to function|too many arguments on) (\w+)\(\)`)
	nearBy      = regexp.MustCompile(`(?s)^near "(.*)": syntax error$`)
	badToken    = regexp.MustCompile(`(?s)^unrecognized token: "(.*)"$`)
	misused     = regexp.MustCompile(`^misuse of (?:aggregate|aggregate function|aggregate:) ?(\w+)\(\)`)
)

// A Vocabulary is what a statement can name.
type Vocabulary struct {
	Tables    []Table
	Functions map[string]string // the signatures of those that SQLite has not
	Callable  func() []string   // all functions, as SQLite knows them
}

// A Table is one that can stand behind FROM.
type Table struct {
	Name      string
	Signature string   // with the arguments that it takes, if any
	Columns   []string // with its arguments
}

// Explain makes an error of what SQLite says of the statement, at a byte offset that
// may be -1.
func (s *Statement) Explain(message string, at int, known *Vocabulary) error {
	e := &Error{Statement: s.text, At: min(at, len(s.text)), Msg: message}
	list := s.words
	if m := noTable.FindStringSubmatch(message); m != nil {
		e.unknown(list, "table", m[1], known.tableNames())
	} else if m := noString.FindStringSubmatch(message); m != nil {
		e.Msg = fmt.Sprintf("there is no column %s: a text stands in single quotes, as in '%[1]s'", m[1])
	} else if m := noColumn.FindStringSubmatch(message); m != nil {
		e.unknown(list, "column", m[1], known.columnsOf(list))
	} else if m := noFunction.FindStringSubmatch(message); m != nil {
		if instead := ofQL[strings.ToLower(m[1])]; instead != "" {
			e.Msg = fmt.Sprintf("%s is a function of QL: in SQL, write %s", m[1], instead)
		} else {
			e.unknown(list, "function", m[1], known.Callable())
		}
	} else if m := ambiguous.FindStringSubmatch(message); m != nil {
		e.Msg = fmt.Sprintf("%s is a column of which table? Write TABLE.%[1]s, for several have it", m[1])
	} else if m := wrongNumber.FindStringSubmatch(message); m != nil {
		e.number(list, m[1], known)
	} else if m := misused.FindStringSubmatch(message); m != nil {
		e.Msg = fmt.Sprintf("%s() is of all rows together, and cannot be told of one: behind GROUP BY, ask for it with HAVING", m[1])
	} else if message == "incomplete input" {
		e.At, e.Msg = len(strings.TrimRight(s.text, " \t\r\n;")), "the statement is not complete"
	} else if m := badToken.FindStringSubmatch(message); m != nil {
		e.unrecognized(m[1])
	} else if m := nearBy.FindStringSubmatch(message); m != nil {
		e.unexpected(list, m[1])
	}
	return e
}

// unknown makes the error one about a name, which may have that of a table in
// front.
func (e *Error) unknown(list []token, what, full string, known []string) {
	last := full[strings.LastIndex(full, ".")+1:]
	e.Msg = "there is no " + what + " " + full
	e.meant(last, known)
	if e.At < 0 {
		if i := slices.IndexFunc(list, func(t token) bool { return t.kind == word && strings.EqualFold(t.text, last) }); i >= 0 {
			e.At = list[i].at
		}
	}
	if e.At >= 0 && len(last) < len(full) && strings.HasPrefix(e.Statement[e.At:], full) {
		e.At += len(full) - len(last)
	}
}

// number makes the error one about how many arguments there are.
func (e *Error) number(list []token, called string, known *Vocabulary) {
	if e.At < 0 {
		if i := slices.IndexFunc(list, func(t token) bool { return t.is(called) }); i >= 0 {
			e.At = list[i].at
		}
	}
	e.Msg = called + "() takes another number of arguments"
	if signature := known.Functions[called]; signature != "" {
		e.Msg += ": " + signature
	}
	for _, t := range known.Tables {
		if t.Name == called && t.Signature != called {
			e.Msg += ": at most " + t.Signature
		} else if t.Name == called {
			e.Msg = called + " is a table, and takes no arguments"
		}
	}
}

func (e *Error) unrecognized(found string) {
	switch {
	case strings.HasPrefix(found, "'"):
		e.Msg = "this text does not end: a single quote is missing"
	case found != "" && strings.ContainsAny(found[:1], "\"`["):
		e.Msg = "this name does not end"
	case found == "!":
		e.Msg = "unexpected !: in SQL, write NOT"
	default:
		e.Msg = "unexpected " + found
	}
}

// unexpected makes the error one about a word that cannot stand where it does. It
// may be the one before that is misspelt, and was taken for a name.
func (e *Error) unexpected(list []token, found string) {
	e.Msg = "unexpected " + found
	at := slices.IndexFunc(list, func(t token) bool { return t.at <= e.At && e.At < t.end() })
	if at < 0 {
		return
	}
	switch t := list[at]; {
	case t.is(";"):
		e.Msg = "the statement is not complete"
	case t.is("&&"):
		e.At, e.Msg = t.at, "unexpected &&: in SQL, write AND"
	case t.kind == word && at > 0 && meansKeyword(list[at-1]) && !meansKeyword(t):
		e.At, e.Msg = list[at-1].at, "unexpected "+list[at-1].text
		e.meant(list[at-1].text, keywords)
	case t.kind == word && !isKeyword(t):
		e.meant(t.text, keywords)
	}
}

// meansKeyword reports whether a word is none of the keywords, but nearly one.
func meansKeyword(t token) bool {
	return t.kind == word && !isKeyword(t) && nearest(t.text, keywords) != ""
}

func isKeyword(t token) bool { return t.is(keywords...) }

// keywords are those that stand between the parts of a question.
var keywords = []string{
	"SELECT", "FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "BY", "AS", "ON", "USING", "JOIN", "LEFT", "INNER",
	"CROSS", "AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "GLOB", "REGEXP", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END",
	"DISTINCT", "UNION", "EXCEPT", "INTERSECT", "WITH", "RECURSIVE", "VALUES", "EXPLAIN", "DESC", "ASC", "EXISTS", "COLLATE", "WINDOW", "OVER",
}

func (v *Vocabulary) tableNames() (names []string) {
	for _, t := range v.Tables {
		names = append(names, t.Name)
	}
	return names
}

// columnsOf lists the columns of the tables that a statement mentions, of all if
// it mentions none.
func (v *Vocabulary) columnsOf(list []token) (names []string) {
	var all []string
	for _, t := range v.Tables {
		all = append(all, t.Columns...)
		if slices.ContainsFunc(list, func(w token) bool { return w.kind == word && strings.EqualFold(w.text, t.Name) }) {
			names = append(names, t.Columns...)
		}
	}
	if names == nil {
		return all
	}
	return names
}

// ofQL says what stands in SQL for functions that QL has and SQLite has not.
var ofQL = map[string]string{
	"len": "length(x)", "hasprefix": "x LIKE 'prefix%' or x GLOB 'prefix*'", "hassuffix": "x LIKE '%suffix'", "contains": "instr(x, part) > 0",
	"formattime": "strftime('%Y-%m-%d', time)", "parsetime": "the time as text", "formatint": "format('%d', x)", "formatfloat": "format('%f', x)",
	"year": "strftime('%Y', time)", "month": "strftime('%m', time)", "day": "strftime('%d', time)", "hour": "strftime('%H', time)",
	"minute": "strftime('%M', time)", "second": "strftime('%S', time)", "weekday": "strftime('%w', time)", "yearday": "strftime('%j', time)",
	"timein": "datetime(time, 'localtime')", "since": "ago(time), or unixepoch(now()) - unixepoch(time)", "seconds": "unixepoch(b) - unixepoch(a)",
	"minutes": "(unixepoch(b) - unixepoch(a)) / 60", "hours": "(unixepoch(b) - unixepoch(a)) / 3600", "int64": "CAST(x AS INTEGER)",
	"float64": "CAST(x AS REAL)", "blob": "the digest in hexadecimal digits, as a text", "id": "rowid",
}

// Misunderstood returns an error where the statement means to SQLite something else
// than to its author, and nil if that is not so.
func (s *Statement) Misunderstood() error {
	list := s.words
	fault := func(t token, format string, a ...any) error {
		return &Error{Statement: s.text, At: t.at, Msg: fmt.Sprintf(format, a...)}
	}
	for i, t := range list {
		if i+1 < len(list) && t.is("LIKE") && list[i+1].kind == literal && looksLikeRegexp(list[i+1].text) {
			return fault(list[i+1], "LIKE takes %% for any characters and _ for one, and %s has none: "+
				"for a regular expression, write REGEXP; for this very text, =", list[i+1].text)
		}
		if t.is("||") && comparedBefore(list[:i]) && comparedBehind(list[i+1:]) {
			return fault(t, "|| joins texts: between conditions, write OR")
		}
	}
	return nil
}

var ofRegexp = regexp.MustCompile(`^'\^|\$'$|\.\*|\.\+|\[[^\]]*\]|\\\.|\(.*\|.*\)`)

func looksLikeRegexp(text string) bool {
	return ofRegexp.MatchString(text) && !strings.ContainsAny(text, "%_")
}

// comparedBefore reports whether a comparison stands before the end of a part of a
// condition.
func comparedBefore(list []token) bool { return compared(slices.Backward(list), ")", "(") }

// comparedBehind is comparedBefore for what follows.
func comparedBehind(list []token) bool { return compared(slices.All(list), "(", ")") }

// compared reports whether a comparison comes before the end of a part of a
// condition. What lies in parentheses is passed over.
func compared(tokens iter.Seq2[int, token], enter, leave string) bool {
	depth := 0
	for _, t := range tokens {
		switch {
		case t.is(enter):
			depth++
		case t.is(leave):
			if depth--; depth < 0 {
				return false
			}
		case depth > 0:
		case isComparison(t):
			return true
		case endsCondition(t):
			return false
		}
	}
	return false
}

func isComparison(t token) bool {
	return t.is("=", "==", "!=", "<>", "<", "<=", ">", ">=", "LIKE", "GLOB", "REGEXP", "IN", "BETWEEN", "IS")
}

func endsCondition(t token) bool {
	return t.is("AND", "OR", "NOT", ",", ";", "SELECT", "FROM", "WHERE", "ON", "HAVING", "GROUP", "ORDER", "LIMIT", "CASE", "WHEN", "THEN", "ELSE", "END", "AS")
}
