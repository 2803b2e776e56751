package repl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"phlb/builtins"
	"phlb/cmd/phlb/show"
	"phlb/engine"
)

// show shows the value of a statement.
func (r *repl) show(ctx context.Context, v starlark.Value) error {
	r.layout.Width = r.Width()
	switch v := v.(type) {
	case *builtins.Rows:
		answer, err := v.Ask(ctx)
		if err != nil {
			return err
		}
		defer answer.Close()
		return r.rows(show.Rows{Columns: answer.Columns, All: answer.All})
	case *builtins.Scan:
		return r.plain(v) // its files are elsewhere, and many
	case show.Stream:
		return r.list(v.All(), -1)
	}
	if r.layout.Mode == "json" {
		return r.json(v)
	}
	switch v := v.(type) {
	case *builtins.Snapshot:
		_, err := fmt.Fprintf(r.Out, "%s: %s\n", v, engine.Summarize(&v.Header, &v.Summary))
		return err
	case *builtins.Report:
		_, err := io.WriteString(r.Out, show.Report(v.Report, r.Colours))
		return err
	case *builtins.Table:
		return r.values(v)
	case *starlark.List:
		return r.sequence(v)
	case starlark.Tuple:
		return r.sequence(v)
	case *starlark.Set:
		return r.sequence(v)
	}
	return r.plain(v)
}

// values shows a script's table.
func (r *repl) values(rows *builtins.Table) error {
	if rows.Len() == 0 {
		fmt.Fprintln(r.Err, "nothing to show")
		return nil
	}
	t, err := show.Values(rows)
	if err != nil {
		return err
	}
	return r.write(t)
}

func (r *repl) write(t *show.Table) error {
	t.Colours = r.Colours
	return t.Write(r.Out, r.layout.Width)
}

func (r *repl) rows(rows show.Rows) error {
	total, hidden, err := rows.Write(r.Out, r.layout)
	if hidden > 0 {
		r.more(hidden)
	} else if err == nil && r.layout.Mode == "table" && r.source.interactive() {
		fmt.Fprintf(r.Out, "(%s)\n", show.Count(int64(total), "row"))
	}
	return err
}

// more says how much is not shown.
func (r *repl) more(hidden int) {
	fmt.Fprintf(r.Out, "… and %s more; .maxrows 0 shows all\n", humanize.Comma(int64(hidden)))
}

func (r *repl) plain(v starlark.Value) error {
	_, err := fmt.Fprintln(r.Out, v.String())
	return err
}

func (r *repl) json(v starlark.Value) error {
	plain, err := builtins.Plain(v)
	if err != nil {
		return err
	}
	e := json.NewEncoder(r.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(plain)
}

// sequence shows a list on one line if that has room for it, and if it does not
// look like a table.
func (r *repl) sequence(v starlark.Sequence) error {
	if _, ok := attributesOf(first(v)); !ok {
		text := v.String()
		if r.layout.Mode == "table" && (r.layout.Width == 0 || runewidth.StringWidth(text) <= r.layout.Width) {
			return r.plain(v)
		}
	}
	return r.list(func(yield func(starlark.Value, error) bool) {
		for x := range starlark.Elements(v) {
			if !yield(x, nil) {
				return
			}
		}
	}, v.Len())
}

func first(v starlark.Iterable) (found starlark.Value) {
	for x := range starlark.Elements(v) {
		return x
	}
	return nil
}

// list shows elements as a table if they have attributes, else line by line. It
// is told how many they are if that is known, or -1, and counts them.
func (r *repl) list(all iter.Seq2[starlark.Value, error], n int) error {
	var head []starlark.Value
	total := 0
	for v, err := range all {
		if err != nil {
			return err
		}
		total++
		if r.layout.Most == 0 || total <= r.layout.Most {
			head = append(head, v)
			continue
		}
		if n >= 0 {
			total = n
			break
		}
	}
	if err := r.elements(head); err != nil {
		return err
	}
	if hidden := total - len(head); hidden > 0 {
		r.more(hidden)
	}
	return nil
}

func (r *repl) elements(head []starlark.Value) error {
	var columns []string
	tabular := false
	if len(head) > 0 {
		columns, tabular = attributesOf(head[0])
	}
	switch {
	case r.layout.Mode == "json" || len(head) == 0:
		return r.json(starlark.NewList(head))
	case !tabular:
		return r.each(head)
	case r.layout.Mode == "table":
		return r.table(head, columns)
	}
	_, _, err := show.Rows{Columns: columns, All: cells(head, columns)}.Write(r.Out, r.layout)
	return err
}

// each shows values line by line.
func (r *repl) each(values []starlark.Value) error {
	for _, v := range values {
		if err := r.plain(v); err != nil {
			return err
		}
	}
	return nil
}

// table shows values for people.
func (r *repl) table(head []starlark.Value, columns []string) error {
	var all []*engine.Snapshot
	for _, v := range head {
		if s, ok := v.(*builtins.Snapshot); ok {
			all = append(all, s.Snapshot)
		}
	}
	if len(all) == len(head) {
		return r.write(show.Snapshots(all, r.Session.Now))
	}
	for _, v := range head {
		for _, name := range columns {
			if x, _ := member(v, name); x == nil { // they are not of one kind
				return r.each(head)
			}
		}
	}
	return r.values(&builtins.Table{List: starlark.NewList(head), Columns: columns})
}

// columns are those of records of the script API, in the order of the commands that
// show them.
var columns = map[string][]string{
	"found":   {"path", "size", "versions", "first", "last"},
	"change":  {"what", "path", "old_size", "new_size", "detail"},
	"stat":    {"snapshot", "files", "bytes", "only_files", "only_bytes", "dirs", "symlinks", "verified"},
	"usage":   {"path", "files", "bytes", "new_bytes", "only_bytes"},
	"age":     {"name", "snapshot", "age", "ok"},
	"problem": {"what", "path", "detail"},
}

// attributesOf returns what is shown of a value in a table, and false if it is
// not to be shown in one.
func attributesOf(v starlark.Value) ([]string, bool) {
	switch v := v.(type) {
	case *builtins.Entry, *builtins.File:
		return []string{"kind", "mode", "size", "mtime", "path"}, true
	case *builtins.Version:
		return []string{"path", "mtime", "size", "oldest", "newest"}, true
	case *starlarkstruct.Struct:
		if list, ok := columns[text(v.Constructor())]; ok {
			return list, true
		}
	case starlark.String, *starlark.List, *starlark.Dict, *starlark.Set, starlark.Bytes, startime.Time, startime.Duration:
		return nil, false
	}
	if has, ok := v.(starlark.HasAttrs); ok {
		var names []string
		for _, name := range has.AttrNames() {
			if cell, err := has.Attr(name); err == nil && cell != nil {
				if _, method := cell.(starlark.Callable); !method {
					names = append(names, name)
				}
			}
		}
		return names, len(names) > 0
	}
	return nil, false
}

func text(v starlark.Value) string {
	s, _ := starlark.AsString(v)
	return s
}

// member returns an attribute, nil if v has none of that name.
func member(v starlark.Value, name string) (starlark.Value, error) {
	if has, ok := v.(starlark.HasAttrs); ok {
		return has.Attr(name)
	}
	return nil, nil
}

// cells returns the attributes of values as rows.
func cells(values []starlark.Value, columns []string) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, v := range values {
			row := make([]any, len(columns))
			for i, name := range columns {
				x, err := member(v, name)
				if err != nil {
					yield(nil, err)
					return
				}
				row[i] = plainCell(x)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func plainCell(v starlark.Value) any {
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return nil
	case starlark.String:
		return string(v)
	case startime.Time:
		return time.Time(v)
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return n
		}
	}
	return strings.TrimSpace(v.String())
}
