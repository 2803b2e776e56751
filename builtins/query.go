package builtins

import (
	"encoding/hex"
	"fmt"
	"iter"
	"math/big"
	"reflect"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"phlb/runtime"
)

func (s *Session) queryBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "query",
		Signature: "query(ql, *args)",
		Doc:       "the rows of a read-only QL statement, its parameters $1, $2 … bound to args",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if len(kwargs) > 0 {
				return nil, fmt.Errorf("query: unexpected keyword argument %s", kwargs[0][0])
			}
			if len(args) == 0 {
				return nil, fmt.Errorf("query: missing argument for ql")
			}
			statement, ok := starlark.AsString(args[0])
			if !ok {
				return nil, fmt.Errorf("query: ql is a %s, want a string", args[0].Type())
			}
			params := make([]any, len(args)-1)
			for i, arg := range args[1:] {
				var err error
				if params[i], err = toGo(arg); err != nil {
					return nil, fmt.Errorf("query: parameter $%d: %w", i+1, err)
				}
			}
			return runtime.NewStream(thread, "Rows", s.rows(thread, statement, params)), nil
		},
	}
}

// rows yields the rows of a query as structs, or as tuples where the names of
// the columns do not tell them apart.
func (s *Session) rows(thread *starlark.Thread, statement string, params []any) iter.Seq2[starlark.Value, error] {
	return func(yield func(starlark.Value, error) bool) {
		rows, done, err := s.Engine.Query(runtime.Context(thread), statement, params...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer done()
		defer rows.Close()
		columns := rows.Columns()
		named := distinct(columns)
		for row, err := range rows.All() {
			if err != nil {
				yield(nil, err)
				return
			}
			values := make(starlark.Tuple, len(row))
			for i := range row {
				if values[i], err = fromGo(row[i]); err != nil {
					yield(nil, fmt.Errorf("query: column %s: %w", columns[i], err))
					return
				}
			}
			var value starlark.Value = values
			if named {
				fields := make(starlark.StringDict, len(values))
				for i, column := range columns {
					fields[column] = values[i]
				}
				value = starlarkstruct.FromStringDict(starlark.String("row"), fields)
			}
			if !yield(value, nil) {
				return
			}
		}
	}
}

func distinct(columns []string) bool {
	seen := map[string]bool{"": true}
	for _, c := range columns {
		if seen[c] {
			return false
		}
		seen[c] = true
	}
	return true
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
