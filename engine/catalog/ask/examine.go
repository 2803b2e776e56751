package ask

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// examine looks at a question before it is asked: whether it is one, and reads,
// and has the values that it needs. It returns how long the statement is.
func (s *Session) examine(text string, args []any) (length int, values []driver.NamedValue, err error) {
	fault := func(at int, cause error, format string, a ...any) error {
		return &Error{Statement: text, At: at, Msg: fmt.Sprintf(format, a...), err: cause}
	}
	if at := strings.IndexByte(text, 0); at >= 0 {
		return 0, nil, fault(at, nil, "there is a byte 0 in the statement")
	}
	list := tokens(text)
	s.denied, s.several, s.reads = "", comparedWithSeveral(list), map[string][]string{}
	s.collates = slices.ContainsFunc(list, func(t token) bool { return t.is("COLLATE") })
	p, err := s.handle.prepare(text)
	switch {
	case err != nil:
		return 0, nil, err
	case s.ctx.Err() != nil:
		return 0, nil, s.ctx.Err()
	case p.code == sqlite3.SQLITE_AUTH:
		return 0, nil, fault(start(text), ErrReadOnly, "%s, and this one %s", ErrReadOnly, s.denied)
	case p.code != sqlite3.SQLITE_OK:
		return 0, nil, s.explain(text, p)
	case p.length == 0:
		return 0, nil, fault(-1, ErrReadOnly, "%s", ErrReadOnly)
	case !p.reads:
		return 0, nil, fault(start(text), ErrReadOnly, "%s, and this one writes", ErrReadOnly)
	}
	if err := misunderstood(text, list); err != nil {
		return 0, nil, err
	}
	if at, more := next(text, p.length); more {
		return 0, nil, fault(at, ErrReadOnly, "%s: ask the second one on its own", ErrReadOnly)
	}
	if values, err = bindings(p.parameters, args); err != nil {
		return 0, nil, fault(-1, nil, "%v", err)
	}
	return p.length, values, nil
}

// start returns where the first word of a statement stands.
func start(text string) int {
	at, _ := next(text, 0)
	return at
}

// next returns where something stands behind an offset that is neither space nor
// comment nor semicolon, and whether there is anything.
func next(text string, from int) (at int, ok bool) {
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

// authorize tells SQLite what a question may do, while that is compiled.
func (s *Session) authorize(action sqlite.AuthorizerActionCode, first, second, _, _ string) sqlite.AuthorizerReturnCode {
	switch action {
	case sqlite.AuthRead:
		if second != "" && !slices.Contains(s.reads[first], second) {
			s.reads[first] = append(s.reads[first], second)
		}
		return sqlite.AuthorizerOK
	case sqlite.AuthSelect, sqlite.AuthRecursive:
		return sqlite.AuthorizerOK
	case sqlite.AuthFunction:
		if second != "load_extension" {
			return sqlite.AuthorizerOK
		}
		s.denied = "loads code"
	case sqlite.AuthPragma:
		if telling[strings.ToLower(first)] {
			return sqlite.AuthorizerOK
		}
		s.denied = "is the PRAGMA " + first
	case sqlite.AuthAttach, sqlite.AuthDetach:
		s.denied = "attaches another database"
	case sqlite.AuthTransaction, sqlite.AuthSavepoint:
		s.denied = "is of a transaction"
	default:
		s.denied = "writes"
	}
	return sqlite.AuthorizerDeny
}

// telling are the PRAGMAs that only tell of tables and functions.
var telling = map[string]bool{
	"table_info": true, "table_xinfo": true, "table_list": true, "database_list": true,
	"function_list": true, "module_list": true, "pragma_list": true, "collation_list": true,
	"compile_options": true,
}
