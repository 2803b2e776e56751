package show

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"phlb/engine/catalog/ask"
	"phlb/runtime"
	"phlb/runtime/spelling"
)

// described is what can be asked.
type described struct {
	Tables    []ask.Table    `json:"tables"`
	Functions []ask.Function `json:"functions"`
	Types     []ask.Type     `json:"types,omitempty"`
}

// Schema writes what questions can name: tables with their columns, and functions,
// or the one called only, in lines of at most width columns or as JSON.
func Schema(w io.Writer, only string, width int, asJSON bool) error {
	d, err := describe(only)
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	if width == 0 {
		width = 100
	}
	_, err = io.WriteString(w, d.text(width))
	return err
}

// describe returns all that questions can name, or what is called only.
func describe(only string) (d described, err error) {
	d = described{Tables: []ask.Table{}, Functions: []ask.Function{}}
	var names []string
	for _, t := range ask.Tables() {
		if names = append(names, t.Name); only == "" || strings.EqualFold(only, t.Name) {
			d.Tables = append(d.Tables, t)
		}
	}
	for _, f := range ask.Functions() {
		if names = append(names, f.Name); only == "" || strings.EqualFold(only, f.Name) {
			d.Functions = append(d.Functions, f)
		}
	}
	if only == "" {
		d.Types = ask.Types()
	}
	if len(d.Tables)+len(d.Functions) > 0 {
		return d, nil
	}
	if near := spelling.Nearest(only, names); near != "" {
		return d, runtime.Usagef("no table %s: did you mean %s?", only, near)
	}
	return d, runtime.Usagef("no table %s, only %s", only, strings.Join(names, ", "))
}

func (d *described) text(width int) string {
	var b strings.Builder
	gap := func() {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
	}
	for _, t := range d.Tables {
		gap()
		kind := ""
		if t.Kind == "view" {
			kind = " (" + t.Kind + ")"
		}
		b.WriteString(t.Signature() + kind + "\n" + Wrap(t.Doc, 2, width))
		line := func(name, kind, doc string) {
			head := fmt.Sprintf("  %-14s%-8s", name, kind)
			b.WriteString(head + strings.TrimLeft(Wrap(doc, len(head), width), " "))
		}
		for _, p := range t.Parameters {
			line("("+p.Name+")", p.Type, p.Doc)
		}
		for _, column := range t.Columns {
			line(column.Name, column.Type, column.Doc)
		}
		b.WriteString(example(t.Example))
	}
	for _, f := range d.Functions {
		gap()
		b.WriteString(f.Signature + "\n" + Wrap(f.Doc, 2, width) + example(f.Example))
	}
	for _, t := range d.Types {
		gap()
		b.WriteString(t.Name + "\n" + Wrap(t.Doc, 2, width))
	}
	return b.String()
}

// example is a question on a line of its own, to be copied.
func example(question string) string {
	if question == "" {
		return ""
	}
	return "  " + question + "\n"
}
