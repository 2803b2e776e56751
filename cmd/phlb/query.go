package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"go.starlark.net/syntax"

	"phlb/builtins"
	"phlb/engine"
	"phlb/engine/catalog"
	"phlb/runtime"
)

func (c *command) query() *cobra.Command {
	var asCSV, asTSV, asNull, schema bool
	cmd := &cobra.Command{
		Use:   "query STATEMENT [VALUE ...]",
		Short: "Ask the catalog with a SELECT statement.",
		Long: "Ask the catalog with one SELECT or EXPLAIN statement of QL, a dialect of SQL. It\n" +
			"holds what the newest sealed snapshots say, also while a backup runs; nothing can\n" +
			"be changed. phlb query --schema lists the tables.\n\n" +
			"The values stand for $1, $2 … in the statement; they are never made part of its\n" +
			"text. What is compared with a time, a size or a digest is written like\n" +
			"'2026-11-22', '4GiB' or as hexadecimal digits, in the statement too. LIKE takes a\n" +
			"regular expression.",
		Example: `  phlb query "SELECT name, started, new_bytes FROM snapshots ORDER BY started DESC LIMIT 10"
  phlb query 'SELECT path, size FROM versions WHERE until = 0 AND size > $1 ORDER BY size DESC' 1GiB
  phlb query -0 "SELECT path FROM versions WHERE path LIKE '[.]iso$'" | xargs -0 ls -ld
  phlb query 'SELECT path, size, versions FROM contents ORDER BY versions DESC LIMIT 10'
  phlb query "SELECT started, name, error FROM runs WHERE outcome = 'failed'"
  phlb query 'SELECT s.name, count(), sum(v.size) FROM versions AS v, snapshots AS s
      WHERE v.since = s.id GROUP BY s.name'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if schema {
				if len(args) > 1 {
					return usagef("usage: phlb query --schema [TABLE]")
				}
				return c.writeSchema(c.out(), strings.Join(args, ""))
			}
			if len(args) == 0 {
				return usagef("which statement? phlb query 'SELECT …'; phlb query --schema lists the tables")
			}
			l := layout{mode: "table", width: c.width()}
			chosen := 0
			for mode, is := range map[string]bool{"json": c.json, "csv": asCSV, "tsv": asTSV, null: asNull} {
				if is {
					l.mode = mode
					chosen++
				}
			}
			if chosen > 1 {
				return usagef("--json, --csv, --tsv and -0 exclude each other")
			}
			values := make([]any, len(args)-1)
			for i, arg := range args[1:] {
				values[i] = catalog.Text(arg)
			}
			e, err := c.engine(false)
			if err != nil {
				return err
			}
			return c.ask(cmd.Context(), e, args[0], values, l)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&schema, "schema", false, "list the tables and their columns, or those of one TABLE")
	flags.BoolVar(&asCSV, "csv", false, "write comma-separated values")
	flags.BoolVar(&asTSV, "tsv", false, "write tab-separated values")
	flags.BoolVarP(&asNull, "null", "0", false, "end rows with NUL, for xargs -0")
	return cmd
}

// ask shows what the catalog answers.
func (c *command) ask(ctx context.Context, e *engine.Engine, statement string, values []any, l layout) error {
	rows, done, err := e.Query(ctx, statement, values...)
	if err != nil {
		return statementError("query", 1, err)
	}
	defer done()
	defer rows.Close()
	_, _, err = result{rows.Columns(), rows.All()}.write(c.out(), l)
	return statementError("query", 1, err)
}

// statementError shows the line of the statement that err is about, which
// begins on that line of the file called name.
func statementError(name string, line int, err error) error {
	err = builtins.Suggest(err)
	var e *catalog.StatementError
	if !errors.As(err, &e) {
		return err
	}
	problem := runtime.Problem{Msg: e.Msg}
	if n, column, text := e.Place(); n > 0 {
		problem.Pos = syntax.MakePosition(&name, int32(line+n-1), int32(column))
		problem.Line = text
	}
	return &runtime.Error{Compile: true, Problems: []runtime.Problem{problem}}
}

// writeSchema describes the tables, or the one called only.
func (c *command) writeSchema(w io.Writer, only string) error {
	tables := catalog.Tables()
	if only != "" {
		var names []string
		for _, t := range tables {
			if names = append(names, t.Name); t.Name == only {
				tables = []catalog.Table{t}
			}
		}
		if len(tables) > 1 {
			if near := runtime.Nearest(only, names); near != "" {
				return usagef("no table %s: did you mean %s?", only, near)
			}
			return usagef("no table %s, only %s", only, strings.Join(names, ", "))
		}
	}
	if c.json {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(tables)
	}
	width := c.width()
	if width == 0 {
		width = 100
	}
	var b strings.Builder
	for i, t := range tables {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(t.Name + "\n" + wrap(t.Doc, 2, width))
		for _, column := range t.Columns {
			head := fmt.Sprintf("  %-14s%-8s", column.Name, column.Type)
			b.WriteString(head + strings.TrimLeft(wrap(column.Doc, len(head), width), " "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks a text into lines of at most width columns, all indented.
func wrap(text string, indent, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := runewidth.StringWidth(word)
		switch {
		case column == 0:
			b.WriteString(strings.Repeat(" ", indent))
			column = indent
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String() + "\n"
}
