package show

import (
	"fmt"
	"strings"

	"phlb/engine/catalog"
	"phlb/runtime"
)

// TablesOf returns the tables of the catalog, or the one called only.
func TablesOf(only string) ([]catalog.Table, error) {
	tables := catalog.Tables()
	if only == "" {
		return tables, nil
	}
	var names []string
	for _, t := range tables {
		if t.Name == only {
			return []catalog.Table{t}, nil
		}
		names = append(names, t.Name)
	}
	if near := runtime.Nearest(only, names); near != "" {
		return nil, runtime.Usagef("no table %s: did you mean %s?", only, near)
	}
	return nil, runtime.Usagef("no table %s, only %s", only, strings.Join(names, ", "))
}

// Schema describes tables and their columns in lines of at most width columns.
func Schema(tables []catalog.Table, width int) string {
	var b strings.Builder
	for i, t := range tables {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(t.Name + "\n" + Wrap(t.Doc, 2, width))
		for _, column := range t.Columns {
			head := fmt.Sprintf("  %-14s%-8s", column.Name, column.Type)
			b.WriteString(head + strings.TrimLeft(Wrap(column.Doc, len(head), width), " "))
		}
	}
	return b.String()
}
