package ask

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"phlb/engine/catalog/ask/statement"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// examine looks at a question before it is asked: whether it is one, and reads,
// and has the values that it needs. It returns how long the statement is.
func (s *Session) examine(text string, args []any) (length int, values []driver.NamedValue, err error) {
	fault := func(at int, cause error, format string, a ...any) error {
		return &Error{Statement: text, At: at, Msg: fmt.Sprintf(format, a...), Err: cause}
	}
	if at := strings.IndexByte(text, 0); at >= 0 {
		return 0, nil, fault(at, nil, "there is a byte 0 in the statement")
	}
	words := statement.Of(text)
	s.denied, s.several, s.reads = "", words.Several(columnNames()), map[string][]string{}
	s.collates = words.Collates()
	p, err := s.handle.prepare(text)
	switch {
	case err != nil:
		return 0, nil, err
	case s.ctx.Err() != nil:
		return 0, nil, s.ctx.Err()
	case p.code == sqlite3.SQLITE_AUTH:
		return 0, nil, fault(statement.Start(text), ErrReadOnly, "%s, and this one %s", ErrReadOnly, s.denied)
	case p.code != sqlite3.SQLITE_OK:
		return 0, nil, words.Explain(p.message, p.at, s.vocabulary())
	case p.length == 0:
		return 0, nil, fault(-1, ErrReadOnly, "%s", ErrReadOnly)
	case !p.reads:
		return 0, nil, fault(statement.Start(text), ErrReadOnly, "%s, and this one writes", ErrReadOnly)
	}
	if err := words.Misunderstood(); err != nil {
		return 0, nil, err
	}
	if at, more := statement.Next(text, p.length); more {
		return 0, nil, fault(at, ErrReadOnly, "%s: ask the second one on its own", ErrReadOnly)
	}
	if values, err = bindings(p.parameters, args); err != nil {
		return 0, nil, fault(-1, nil, "%v", err)
	}
	return p.length, values, nil
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

// vocabulary returns what questions can name.
func (s *Session) vocabulary() *statement.Vocabulary {
	v := &statement.Vocabulary{Functions: map[string]string{}, Callable: s.functionNames}
	for _, t := range tables {
		named := statement.Table{Name: t.Name, Signature: t.Signature()}
		for _, c := range t.all() {
			named.Columns = append(named.Columns, c.Name)
		}
		v.Tables = append(v.Tables, named)
	}
	for _, f := range functions {
		v.Functions[f.Name] = f.Signature
	}
	return v
}

// functionNames lists what can be called, as SQLite knows it.
func (s *Session) functionNames() (names []string) {
	rows, err := s.conn.(driver.QueryerContext).QueryContext(context.Background(), "SELECT DISTINCT name FROM pragma_function_list", nil)
	if err != nil {
		return nil
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	for rows.Next(row) == nil {
		if name, ok := row[0].(string); ok {
			names = append(names, name)
		}
	}
	return names
}
