package builtins

import (
	"go.starlark.net/starlark"

	"phlb/runtime"
)

// Table is a list of rows to be looked at: a table on a terminal, an array of
// objects in JSON. It is what the stock policies return.
type Table struct {
	*starlark.List // of structs
	Columns        []string
	Totals         []Total
}

// Total is a figure of all rows of a table.
type Total struct {
	Name  string // one that ends in bytes is of a size
	Value int64
}

var _ starlark.HasAttrs = (*Table)(nil)

// Type returns "Table".
func (t *Table) Type() string { return "Table" }

// Cell returns what stands in a row under a column.
func (t *Table) Cell(row starlark.Value, column string) (starlark.Value, error) {
	return row.(starlark.HasAttrs).Attr(column)
}

var tableBuiltin = runtime.Builtin{
	Name:      "table",
	Signature: "table(rows, columns, totals={})",
	Doc:       "rows, structs or anything else with attributes, to be shown in columns that are called as their attributes; totals are numbers by name, for a last line",
	Func: func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var rows starlark.Iterable
		var columns stringList
		totals := &starlark.Dict{}
		if err := runtime.Unpack(fn.Name(), args, kwargs, "rows", &rows, "columns", &columns, "totals?", &totals); err != nil {
			return nil, err
		}
		if len(columns) == 0 {
			return nil, runtime.Usagef("table: columns is empty")
		}
		t := &Table{List: starlark.NewList(nil), Columns: columns}
		for _, item := range totals.Items() {
			name, isText := starlark.AsString(item[0])
			total := Total{Name: name}
			if err := starlark.AsInt(item[1], &total.Value); err != nil || !isText {
				return nil, runtime.Usagef("table: totals are numbers by name, not %v: %v", item[0], item[1])
			}
			t.Totals = append(t.Totals, total)
		}
		for row := range starlark.Elements(rows) {
			has, ok := row.(starlark.HasAttrs)
			if !ok {
				return nil, runtime.Usagef("table: row %d is a %s, want a struct", t.Len(), row.Type())
			}
			for _, column := range columns {
				if cell, err := has.Attr(column); cell == nil {
					return nil, runtime.Usagef("table: row %d, a %s, has no %s (%v)", t.Len(), row.Type(), column, err)
				}
			}
			if err := t.Append(row); err != nil {
				return nil, err
			}
		}
		return t, nil
	},
}
