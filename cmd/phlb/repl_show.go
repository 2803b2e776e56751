package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/builtins"
	"phlb/engine"
)

// show shows the value of a statement.
func (r *repl) show(ctx context.Context, v starlark.Value) error {
	r.layout.width = r.width()
	switch v := v.(type) {
	case *builtins.Rows:
		rows, done, err := v.Ask(ctx)
		if err != nil {
			return err
		}
		defer done()
		defer rows.Close()
		return r.rows(result{rows.Columns(), rows.All()})
	case *builtins.Scan:
		return r.plain(v) // its files are elsewhere, and many
	case stream:
		return r.list(v.All(), -1)
	}
	if r.layout.mode == "json" {
		return r.json(v)
	}
	switch v := v.(type) {
	case *builtins.Snapshot:
		_, err := fmt.Fprintf(r.out(), "%s: %s\n", v, engine.Summarize(&v.Header, &v.Summary))
		return err
	case *builtins.Report:
		return r.writeReport(r.out(), v.Report)
	case *builtins.Table:
		return r.writeTable(v)
	case *starlark.List:
		return r.sequence(v)
	case starlark.Tuple:
		return r.sequence(v)
	case *starlark.Set:
		return r.sequence(v)
	}
	return r.plain(v)
}

func (r *repl) rows(rows result) error {
	total, hidden, err := rows.write(r.out(), r.layout)
	if r.layout.mode == "table" && r.source.interactive() && err == nil && hidden == 0 {
		_, err = fmt.Fprintf(r.out(), "(%s)\n", count(int64(total), "row"))
	}
	r.more(hidden, "row")
	return err
}

// more says what is not shown.
func (r *repl) more(hidden int, what string) {
	if hidden > 0 {
		fmt.Fprintf(r.out(), "… and %s; .maxrows 0 shows all\n", count(int64(hidden), "more "+what))
	}
}

func (r *repl) plain(v starlark.Value) error {
	_, err := fmt.Fprintln(r.out(), v.String())
	return err
}

func (r *repl) json(v starlark.Value) error {
	plain, err := builtins.Plain(v)
	if err != nil {
		return err
	}
	e := json.NewEncoder(r.out())
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(plain)
}

// sequence shows a list on one line if that has room for it, and if it does not
// look like a table.
func (r *repl) sequence(v starlark.Sequence) error {
	if _, ok := attributesOf(first(v)); !ok {
		text := v.String()
		if r.layout.mode == "table" && (r.layout.width == 0 || runewidth.StringWidth(text) <= r.layout.width) {
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

// list shows elements as a table, if they have attributes, or line by line.
func (r *repl) list(all iter.Seq2[starlark.Value, error], n int) error {
	var columns []string
	tabular := false
	var head []starlark.Value // for a table, which is not written before it is whole
	total := 0
	rows := result{rows: func(yield func([]any, error) bool) {}}
	_ = rows
	for v, err := range all {
		if err != nil {
			return err
		}
		if total == 0 {
			columns, tabular = attributesOf(v)
		}
		if total++; r.layout.most > 0 && total > r.layout.most {
			if n >= 0 {
				total = n
				break
			}
			continue
		}
		head = append(head, v)
	}
	if total == 0 && r.layout.mode == "table" {
		_, err := fmt.Fprintln(r.out(), "[]")
		return err
	}
	var err error
	switch {
	case r.layout.mode == "json":
		err = r.json(starlark.NewList(head))
	case !tabular:
		for _, v := range head {
			if err := r.plain(v); err != nil {
				return err
			}
		}
	case r.layout.mode == "table":
		err = r.table(head, columns)
	default:
		_, _, err = result{columns, cells(head, columns)}.write(r.out(), r.layout)
	}
	r.more(total-len(head), "")
	return err
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
		return r.writeSnapshots(all)
	}
	for _, v := range head {
		for _, name := range columns {
			if cell, _ := attribute0(v, name); cell == nil { // not all are of one kind
				for _, v := range head {
					if err := r.plain(v); err != nil {
						return err
					}
				}
				return nil
			}
		}
	}
	return r.writeTable(&builtins.Table{List: starlark.NewList(head), Columns: columns})
}

// attributesOf returns what is shown of a value in a table, and false if it is
// not to be shown in one.
func attributesOf(v starlark.Value) ([]string, bool) {
	switch v := v.(type) {
	case *builtins.Entry, *builtins.File:
		return []string{"kind", "mode", "size", "mtime", "path"}, true
	case *builtins.Version:
		return []string{"size", "mtime", "oldest", "newest", "path"}, true
	case starlark.String, *starlark.List, *starlark.Dict, *starlark.Set, starlark.Bytes, startime.Time, startime.Duration:
		return nil, false
	case starlark.HasAttrs:
		var names []string
		for _, name := range v.AttrNames() {
			if cell, err := v.Attr(name); err == nil && cell != nil {
				if _, method := cell.(starlark.Callable); !method {
					names = append(names, name)
				}
			}
		}
		return names, len(names) > 0
	}
	return nil, false
}

func attribute0(v starlark.Value, name string) (starlark.Value, error) {
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
				x, err := attribute0(v, name)
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
