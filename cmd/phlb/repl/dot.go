package repl

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"phlb/builtins"
	"phlb/cmd/phlb/show"
	"phlb/engine/catalog/ask"
	"phlb/runtime"
	"phlb/runtime/spelling"
)

// dotCommand is a command of the session.
type dotCommand struct {
	name, arg, doc string
	run            func(r *repl, ctx context.Context, arg string) error
}

// dotCommands is filled in by init: .help lists it.
var dotCommands []dotCommand

func init() {
	dotCommands = []dotCommand{
		{".help", "", "list these commands", (*repl).dotHelp},
		{".tables", "", "list the tables that can be asked", (*repl).dotTables},
		{".schema", "[NAME]", "describe tables, with the columns, and functions", func(r *repl, _ context.Context, arg string) error {
			return show.Schema(r.Out, arg, r.Width(), r.JSON)
		}},
		{".mode", "[" + strings.Join(show.Modes, "|") + "]", "show results so", (*repl).dotMode},
		{".language", "[sql|ql]", "ask in SQL, or in QL, the language of the catalog's own database", (*repl).dotLanguage},
		{".maxrows", "[N]", "show at most so many rows and count the others; 0 shows all", (*repl).dotMaxrows},
		{".timer", "[on|off]", "say how long each statement took", (*repl).dotTimer},
		{".save", "FILE", "write what went well so far to a script", (*repl).dotSave},
		{".load", "FILE.star", "evaluate a script here", (*repl).dotLoad},
		{".quit", "", "end the session", func(r *repl, _ context.Context, _ string) error { r.ending = true; return nil }},
	}
}

func (r *repl) dot(ctx context.Context, text string) error {
	name, arg, _ := strings.Cut(text, " ")
	if name == ".exit" {
		name = ".quit"
	}
	var names []string
	for _, c := range dotCommands {
		if c.name == name {
			return c.run(r, ctx, strings.TrimSpace(arg))
		}
		names = append(names, c.name)
	}
	if near := spelling.Nearest(name, names); near != "" {
		return runtime.Usagef("no command %s: did you mean %s?", name, near)
	}
	return runtime.Usagef("no command %s: .help lists those there are", name)
}

func (r *repl) dotHelp(context.Context, string) error {
	t := show.Table{Columns: make([]show.Column, 2)}
	for _, c := range dotCommands {
		t.Add(strings.TrimSpace(c.name+" "+c.arg), c.doc)
	}
	if err := t.Write(r.Out, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(r.Out, "SELECT …;  asks the catalog, and @NAME a saved question; all else is a statement of a\nscript: help() says more, exit leaves.")
	return err
}

func (r *repl) dotTables(context.Context, string) error {
	var b strings.Builder
	for _, t := range ask.Tables() {
		b.WriteString(t.Name + "\n" + show.Wrap(t.Doc, 4, 80))
	}
	_, err := fmt.Fprint(r.Out, b.String())
	return err
}

func (r *repl) dotMode(_ context.Context, arg string) error {
	switch {
	case arg == "":
		fmt.Fprintln(r.Out, r.layout.Mode)
	case !slices.Contains(show.Modes, arg):
		return runtime.Usagef("no mode %s, only %s", arg, strings.Join(show.Modes, ", "))
	default:
		r.layout.Mode = arg
	}
	return nil
}

func (r *repl) dotLanguage(_ context.Context, arg string) error {
	switch arg {
	case "":
		fmt.Fprintln(r.Out, r.language)
	case builtins.SQL, builtins.QL:
		r.language = arg
	default:
		return runtime.Usagef("no language %s, only sql and ql", arg)
	}
	return nil
}

func (r *repl) dotMaxrows(_ context.Context, arg string) error {
	if arg == "" {
		fmt.Fprintln(r.Out, r.layout.Most)
		return nil
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 {
		return runtime.Usagef(".maxrows: %q is not a number of rows", arg)
	}
	r.layout.Most = n
	return nil
}

func (r *repl) dotTimer(_ context.Context, arg string) error {
	switch arg {
	case "on", "off":
		r.timer = arg == "on"
	case "":
		r.timer = !r.timer
	default:
		return runtime.Usagef(".timer is on or off")
	}
	return nil
}

func (r *repl) dotLoad(ctx context.Context, arg string) error {
	if arg == "" {
		return runtime.Usagef("which file? .load FILE.star")
	}
	return r.Load(ctx, r.Engine.Expand(arg))
}
