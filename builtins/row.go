package builtins

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Row is one of a query: a tuple whose elements can also be had by the names of
// their columns, row.path or row["count()"].
type Row struct {
	columns []string
	values  starlark.Tuple
}

var (
	_ starlark.HasAttrs   = (*Row)(nil)
	_ starlark.Mapping    = (*Row)(nil)
	_ starlark.Sequence   = (*Row)(nil)
	_ starlark.Comparable = (*Row)(nil)
	_ json.Marshaler      = (*Row)(nil)
)

// String returns row(path = "a", size = 1).
func (r *Row) String() string {
	var b strings.Builder
	for i, column := range r.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(column + " = " + r.values[i].String())
	}
	return "row(" + b.String() + ")"
}

// Type returns "row".
func (r *Row) Type() string { return "row" }

// Freeze does nothing: a Row never changes.
func (r *Row) Freeze() {}

// Truth is always true.
func (r *Row) Truth() starlark.Bool { return true }

// Hash is that of the tuple.
func (r *Row) Hash() (uint32, error) { return r.values.Hash() }

// Len returns how many columns there are.
func (r *Row) Len() int { return len(r.values) }

// Iterate goes through the columns.
func (r *Row) Iterate() starlark.Iterator { return r.values.Iterate() }

// CompareSameType compares Rows as tuples.
func (r *Row) CompareSameType(op syntax.Token, y starlark.Value, depth int) (bool, error) {
	return r.values.CompareSameType(op, y.(*Row).values, depth)
}

// Get returns a column by its name or its number.
func (r *Row) Get(key starlark.Value) (v starlark.Value, found bool, err error) {
	if name, ok := starlark.AsString(key); ok {
		v, err := r.Attr(name)
		return v, v != nil, err
	}
	var i int
	if err := starlark.AsInt(key, &i); err != nil {
		return nil, false, fmt.Errorf("row: got %s, want the name or the number of a column", key.Type())
	}
	if i < 0 {
		i += len(r.values)
	}
	if i < 0 || i >= len(r.values) {
		return nil, false, nil
	}
	return r.values[i], true, nil
}

// Attr returns the column called name.
func (r *Row) Attr(name string) (starlark.Value, error) {
	if i := slices.Index(r.columns, name); i >= 0 {
		return r.values[i], nil
	}
	return nil, nil
}

// AttrNames lists the columns.
func (r *Row) AttrNames() []string { return r.columns }

// MarshalJSON gives an object with the columns in their order.
func (r *Row) MarshalJSON() ([]byte, error) {
	values := make([]any, len(r.values))
	for i, v := range r.values {
		var err error
		if values[i], err = Plain(v); err != nil {
			return nil, err
		}
	}
	return Object(r.columns, values)
}

// Object returns a JSON object with the keys in their order.
func Object(keys []string, values []any) ([]byte, error) {
	b := []byte{'{'}
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		for _, v := range []any{key, values[i]} {
			encoded, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			b = append(append(b, encoded...), ':')
		}
		b = b[:len(b)-1]
	}
	return append(b, '}'), nil
}
