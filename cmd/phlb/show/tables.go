package show

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/builtins"
	"phlb/engine"
)

// Values returns a script's table with figures for people, who ask for JSON
// where they need the exact ones.
func Values(rows *builtins.Table) (*Table, error) {
	t := &Table{Rows: make([][]string, rows.Len())}
	for i, name := range rows.Columns {
		shown := Column{Title: strings.ToUpper(strings.ReplaceAll(name, "_", " ")), Words: isWord(name)}
		if i > 0 && name != "path" {
			shown.Drop = len(rows.Columns) - i
		}
		for j := range rows.Len() {
			v, err := rows.Cell(rows.Index(j), name)
			if err != nil {
				return nil, err
			}
			t.Rows[j] = append(t.Rows[j], cell(name, v))
			switch v.(type) {
			case starlark.Int, starlark.Float, startime.Duration:
				shown.Right = true
			case starlark.String, starlark.Iterable:
				shown.Cut = cutOf(name)
			}
		}
		t.Columns = append(t.Columns, shown)
	}
	return t, nil
}

// Totals returns the last line of a table that has any.
func Totals(totals []builtins.Total) string {
	var parts []string
	for _, t := range totals {
		if of, isSize := strings.CutSuffix(t.Name, "_bytes"); isSize {
			parts = append(parts, Size(t.Value)+" "+Printable(of))
		} else {
			parts = append(parts, humanize.Comma(t.Value)+" "+Printable(t.Name))
		}
	}
	return strings.Join(parts, ", ")
}

// Snapshots returns a table of snapshots, and of their ages by now.
func Snapshots(all []*engine.Snapshot, now time.Time) *Table {
	t := &Table{Columns: []Column{
		{Title: "NAME"}, {Title: "WHEN", Drop: 1}, {Title: "AGE", Right: true, Drop: 4}, {Title: "FILES", Right: true, Drop: 2},
		{Title: "SIZE", Right: true, Drop: 5}, {Title: "NEW", Right: true, Drop: 3}, {Title: "STATUS", Words: true},
	}}
	for _, s := range all {
		status := "complete"
		if !s.Complete() {
			status = Count(s.Errors, "error")
		}
		t.Add(Printable(s.Ref().String()), Minute(s.Started), Age(now.Sub(s.Started)),
			humanize.Comma(s.Files), Size(s.Bytes), Size(s.NewBytes), status)
	}
	return t
}
