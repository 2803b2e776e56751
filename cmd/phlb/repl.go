package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/repl"
	"phlb/engine"
	"phlb/runtime"
)

func (c *command) repl() *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "repl",
		Short: "Try out statements of SQL and of scripts, one by one.",
		Long: "Evaluate statements of scripts as they are typed, and SELECT statements up to\n" +
			"their semicolon. Effects ask before they happen. help() lists what scripts can\n" +
			"do, .help the commands of the session. Ctrl-C stops what is running, Ctrl-D ends\n" +
			"the session.\n\n" +
			"Without a terminal, statements are read from stdin up to the first that fails.",
		Example: "  echo 'SELECT name, started FROM snapshots;' | phlb repl",
		Args:    arguments(0, "phlb repl [--yes]"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.converse(cmd.Context(), yes, cmd.Flags().Changed("now"))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask before effects")
	return cmd
}

// converse holds a session, whose clock may stand still.
func (c *command) converse(ctx context.Context, yes, still bool) error {
	e, err := c.engine(false)
	if err != nil {
		return err
	}
	defer e.Close()
	config := repl.Config{
		Engine: e, Session: c.newSession(e), Version: version,
		In: c.stdin, Out: c.out(), Err: c.err(), Width: c.width, Colours: coloured(c.stdout),
		Now: time.Now, JSON: c.json, Yes: yes,
		Watch: func(p *engine.Progress) (stop func()) { return c.show(p, e.Config.ProgressInterval) },
		Limit: func(host *runtime.Host) {
			c.limit(host, e)
			if err := c.addModules(host, e.Config, ""); err != nil {
				c.warn("no modules can be loaded: %v", err)
			}
		},
		Questions: questionNames,
	}
	home := homeDir() // without one, statements are not remembered
	if dir := stateDir(home); dir != "" {
		config.History = filepath.Join(dir, "history")
	}
	if still {
		config.Now = func() time.Time { return c.now }
	}
	if isTerminal(c.stdout) && c.stdin == os.Stdin && isTerminal(os.Stdin) {
		config.Terminal = os.Stdin
	}
	return repl.Run(ctx, config)
}
