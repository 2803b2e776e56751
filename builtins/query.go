package builtins

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/catalog/ask"
	"phlb/runtime"
)

// The languages of questions.
const (
	SQL = "sql"
	QL  = "ql" // that of the catalog's own database
)

func (s *Session) queryBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "query",
		Signature: `query(sql, *args, language="sql", **named)`,
		Doc:       `the rows of a statement that reads, or of a saved "@NAME"; values stand for ? and :name; language may be "ql"`,
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			q, err := s.question(fn.Name(), args, kwargs, nil)
			if err != nil {
				return nil, err
			}
			return s.rows(thread, q), nil
		},
	}
}

// question is one that a script asks.
type question struct {
	statement, language string
	values              []any
}

// question unpacks the arguments of query, and of what asks as it does: with values
// that are offered to a statement, whether it has a place for them or not.
func (s *Session) question(fn string, args starlark.Tuple, kwargs []starlark.Tuple, offered map[string]any) (*question, error) {
	offered = maps.Clone(offered)
	if len(args) == 0 {
		return nil, runtime.Usagef("%s: missing argument for sql", fn)
	}
	statement, ok := starlark.AsString(args[0])
	if !ok {
		return nil, runtime.Usagef("%s: sql is a %s, want a string", fn, args[0].Type())
	}
	q := &question{statement: statement, language: SQL}
	for i, arg := range args[1:] {
		value, err := toGo(arg)
		if err != nil {
			return nil, runtime.Usagef("%s: value %d: %v", fn, i+1, err)
		}
		q.values = append(q.values, value)
	}
	named := map[string]any{}
	for _, pair := range kwargs {
		name, value := string(pair[0].(starlark.String)), pair[1]
		if name == "language" {
			q.language, _ = starlark.AsString(value)
			if q.language != SQL && q.language != QL {
				return nil, runtime.Usagef("%s: language is %v, want %q or %q", fn, value, SQL, QL)
			}
			continue
		}
		var err error
		if named[name], err = toGo(value); err != nil {
			return nil, runtime.Usagef("%s: value of %s: %v", fn, name, err)
		}
	}
	if name, saved := strings.CutPrefix(statement, "@"); saved {
		if s.Saved == nil {
			return nil, runtime.Usagef("%s: there are no saved questions here", fn)
		}
		var err error
		if q.statement, named, err = s.Saved(name, q.values, named, offered); err != nil {
			return nil, runtime.Usagef("%s: %v", fn, err)
		}
		q.values, offered = nil, nil
	}
	if q.language == QL && len(named) > 0 {
		return nil, runtime.Usagef("%s: in QL, values have no names: write $1 and give them one after the other", fn)
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		q.values = append(q.values, sql.Named(name, named[name]))
		delete(offered, name)
	}
	if q.language == SQL {
		for _, name := range slices.Sorted(maps.Keys(offered)) {
			q.values = append(q.values, ask.Optional(sql.Named(name, offered[name])))
		}
	}
	return q, nil
}

// ask asks the catalog. The caller closes the answer.
func (s *Session) ask(ctx context.Context, q *question) (*engine.Answer, error) {
	ask := s.Engine.Query
	if q.language == QL {
		ask = s.Engine.QueryQL
	}
	return ask(ctx, q.statement, q.values...)
}

// Rows is the result of a query, which is asked anew for each iteration.
type Rows struct {
	*runtime.Stream
	session *Session
	*question

	head []starlark.Value // the first rows, once one was asked for by its number
	all  bool             // there are no others
}

var (
	_ starlark.Iterable = (*Rows)(nil)
	_ starlark.Mapping  = (*Rows)(nil)
)

// String shows the statement.
func (r *Rows) String() string { return fmt.Sprintf("query(%q)", r.statement) }

// Ask returns the rows as the catalog gives them. The caller closes the answer.
func (r *Rows) Ask(ctx context.Context) (*engine.Answer, error) {
	return r.session.ask(ctx, r.question)
}

// ahead is how many rows are kept at least where one is asked for by its number:
// others will be, too.
const ahead = 1000

// Get returns the row of a number, from the end where that is negative.
func (r *Rows) Get(key starlark.Value) (starlark.Value, bool, error) {
	var i int
	if err := starlark.AsInt(key, &i); err != nil {
		return nil, false, fmt.Errorf("Rows: got %s, want the number of a row", key.Type())
	}
	if !r.all && (i < 0 || i >= len(r.head)) {
		r.head = nil
		r.all = true
		for row, err := range r.All() {
			if err != nil {
				r.head, r.all = nil, false
				return nil, false, runtime.Failure(err)
			}
			if i >= 0 && len(r.head) > i && len(r.head) >= ahead {
				r.all = false
				break
			}
			r.head = append(r.head, row)
		}
	}
	if i < 0 {
		i += len(r.head)
	}
	if i < 0 || i >= len(r.head) {
		return nil, false, runtime.Usagef("there is no row %v, for there are %d in all", key, len(r.head))
	}
	return r.head[i], true, nil
}

func (s *Session) rows(thread *starlark.Thread, q *question) *Rows {
	r := &Rows{session: s, question: q}
	r.Stream = runtime.NewStream(thread, "Rows", func(yield func(starlark.Value, error) bool) {
		answer, err := r.Ask(runtime.Context(thread))
		if err != nil {
			yield(nil, err)
			return
		}
		defer answer.Close()
		for values, err := range answer.All {
			if err != nil {
				yield(nil, err)
				return
			}
			row := &Row{columns: answer.Columns, values: make(starlark.Tuple, len(values))}
			for i := range values {
				if row.values[i], err = fromGo(values[i]); err != nil {
					yield(nil, fmt.Errorf("query: column %s: %w", answer.Columns[i], err))
					return
				}
			}
			if !yield(row, nil) {
				return
			}
		}
	})
	return r
}

// toGo converts a parameter.
func toGo(v starlark.Value) (any, error) {
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.String:
		return string(v), nil
	case starlark.Bytes:
		return []byte(v), nil
	case starlark.Float:
		return float64(v), nil
	case startime.Time:
		return time.Time(v).UTC(), nil
	case startime.Duration:
		return time.Duration(v), nil
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return n, nil
		}
		return nil, fmt.Errorf("%v does not fit 64 bits", v)
	}
	return nil, fmt.Errorf("got %s, want None, bool, int, float, string, bytes, time or duration", v.Type())
}

// fromGo converts a value of a row; a blob, such as a digest, to hexadecimal.
func fromGo(v any) (starlark.Value, error) {
	switch v := v.(type) {
	case nil:
		return starlark.None, nil
	case bool:
		return starlark.Bool(v), nil
	case string:
		return starlark.String(v), nil
	case []byte:
		return starlark.String(hex.EncodeToString(v)), nil
	case time.Time:
		return startime.Time(v), nil
	case time.Duration:
		return startime.Duration(v), nil
	case float32:
		return starlark.Float(v), nil
	case float64:
		return starlark.Float(v), nil
	case *big.Int:
		return starlark.MakeBigInt(v), nil
	}
	switch n := reflect.ValueOf(v); {
	case n.CanInt():
		return starlark.MakeInt64(n.Int()), nil
	case n.CanUint():
		return starlark.MakeUint64(n.Uint()), nil
	}
	return nil, fmt.Errorf("%T has no Starlark value", v)
}
