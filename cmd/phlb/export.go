package main

import (
	"os"

	"github.com/spf13/cobra"

	"phlb/engine"
)

func (c *command) export() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export FILE.sqlite",
		Short: "Write the catalog as a database of SQLite.",
		Long: "Write what the catalog holds into one file: the tables of phlb query as ordinary\n" +
			"ones with indexes, under the same names. DuckDB, Datasette, Grafana, pandas and\n" +
			"whatever else reads SQLite can go on from there. The file appears whole, in the\n" +
			"place of an earlier export.",
		Example: "  phlb export ~/backups.sqlite\n" +
			"  sqlite3 ~/backups.sqlite 'SELECT name, sum(new_bytes) FROM snapshots GROUP BY name'",
		Args: arguments(1, "phlb export FILE.sqlite"),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := c.engine(false)
			if err != nil {
				return err
			}
			stop := c.show(e.Progress, e.Config.ProgressInterval)
			err = e.Export(cmd.Context(), args[0])
			stop()
			if err != nil {
				return err
			}
			path := e.Expand(args[0])
			var size int64
			if info, err := os.Stat(path); err == nil {
				size = info.Size()
			}
			if c.json {
				return c.writeJSON(exported{engine.Text(path), size})
			}
			return c.writePaths([]string{path})
		},
	}
	return cmd
}

// exported is what --json says of an export.
type exported struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}
