package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine"
	"phlb/engine/catalog"
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
  phlb query 'SELECT name, count() AS snapshots, sum(new_bytes) AS cost FROM snapshots GROUP BY name'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if schema {
				if len(args) > 1 {
					return usagef("usage: phlb query --schema [TABLE]")
				}
				return show.Schema(c.out(), strings.Join(args, ""), c.width(), c.json)
			}
			if len(args) == 0 {
				return usagef("which statement? phlb query 'SELECT …'; phlb query --schema lists the tables")
			}
			l := show.Layout{Mode: "table", Width: c.width()}
			chosen := 0
			for mode, is := range map[string]bool{"json": c.json, "csv": asCSV, "tsv": asTSV, show.Null: asNull} {
				if is {
					l.Mode = mode
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
func (c *command) ask(ctx context.Context, e *engine.Engine, statement string, values []any, l show.Layout) error {
	rows, done, err := e.Query(ctx, statement, values...)
	if err != nil {
		return show.StatementError("query", 1, err)
	}
	defer done()
	defer rows.Close()
	_, _, err = show.Rows{Columns: rows.Columns(), All: rows.All()}.Write(c.out(), l)
	return show.StatementError("query", 1, err)
}
