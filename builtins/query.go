package builtins

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/engine/catalog"
	"phlb/runtime"
)

func (s *Session) queryBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "query",
		Signature: "query(ql, *args)",
		Doc:       "the rows of a read-only QL statement, its parameters $1, $2 … bound to args",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if len(kwargs) > 0 {
				return nil, runtime.Usagef("query: unexpected keyword argument %s", kwargs[0][0])
			}
			if len(args) == 0 {
				return nil, runtime.Usagef("query: missing argument for ql")
			}
			statement, ok := starlark.AsString(args[0])
			if !ok {
				return nil, runtime.Usagef("query: ql is a %s, want a string", args[0].Type())
			}
			params := make([]any, len(args)-1)
			for i, arg := range args[1:] {
				var err error
				if params[i], err = toGo(arg); err != nil {
					return nil, runtime.Usagef("query: parameter $%d: %v", i+1, err)
				}
			}
			return s.rows(thread, statement, params), nil
		},
	}
}

// Rows is the result of a query, which is asked anew for each iteration.
type Rows struct {
	*runtime.Stream
	session   *Session
	statement string
	params    []any
}

var _ starlark.Iterable = (*Rows)(nil)

// String shows the statement.
func (r *Rows) String() string { return fmt.Sprintf("query(%q)", r.statement) }

// Ask returns the rows as the catalog gives them. The caller must close them,
// and then call done.
func (r *Rows) Ask(ctx context.Context) (rows *catalog.Rows, done func() error, err error) {
	rows, done, err = r.session.Engine.Query(ctx, r.statement, r.params...)
	return rows, done, Suggest(err)
}

// Suggest adds to an error about a statement which name might have been meant.
func Suggest(err error) error {
	var e *catalog.StatementError
	if !errors.As(err, &e) || e.Unknown == "" {
		return err
	}
	near := runtime.Nearest(strings.ToLower(e.Unknown), lower(e.Known))
	if near == "" {
		return err
	}
	better := *e
	better.Msg += ": did you mean " + e.Known[slices.Index(lower(e.Known), near)] + "?"
	better.Unknown = ""
	return &better
}

func lower(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strings.ToLower(name)
	}
	return list
}

func (s *Session) rows(thread *starlark.Thread, statement string, params []any) *Rows {
	r := &Rows{session: s, statement: statement, params: params}
	r.Stream = runtime.NewStream(thread, "Rows", func(yield func(starlark.Value, error) bool) {
		rows, done, err := r.Ask(runtime.Context(thread))
		if err != nil {
			yield(nil, fmt.Errorf("query: %w", err))
			return
		}
		defer done()
		defer rows.Close()
		columns := rows.Columns()
		for values, err := range rows.All() {
			if err != nil {
				yield(nil, err)
				return
			}
			row := &Row{columns: columns, values: make(starlark.Tuple, len(values))}
			for i := range values {
				if row.values[i], err = fromGo(values[i]); err != nil {
					yield(nil, fmt.Errorf("query: column %s: %w", columns[i], err))
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
