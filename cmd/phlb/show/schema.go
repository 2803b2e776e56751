package show

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"phlb/engine/catalog"
	"phlb/runtime"
)

// Schema writes what the tables of the catalog and their columns are, or those of
// the one called only, in lines of at most width columns or as JSON.
func Schema(w io.Writer, only string, width int, asJSON bool) error {
	tables, err := tablesOf(only)
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(tables)
	}
	if width == 0 {
		width = 100
	}
	_, err = io.WriteString(w, schema(tables, width))
	return err
}

// tablesOf returns the tables of the catalog, or the one called only.
func tablesOf(only string) ([]catalog.Table, error) {
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

func schema(tables []catalog.Table, width int) string {
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
