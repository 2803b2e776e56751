package main

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"phlb/builtins"
	"phlb/runtime"
)

// command is what all subcommands share.
type command struct {
	*console
	stdin io.Reader
	now   time.Time

	backupPath string // the global flags
	json, wait bool
	dryRun     bool
	newRoot    bool
	foreign    bool
	readOnly   bool // nothing is written to the root, whatever is asked for
	metrics    string
	verbose    int
	allow      builtins.Permissions // beside those of phlb.toml
	deny       []string             // kinds of effects and permissions, whatever allows them
	limits     runtime.Limits       // before those of phlb.toml
	sandbox    bool                 // the script is a stranger's
	trusted    bool                 // a script that is not declared is run as the user's own
	plainHTTP  bool                 // speak HTTP to registries on this machine
	stranger   *runtime.Module      // of the script, which no phlb.toml declares

	before     map[*cobra.Command]preparation
	peek       bool            // at a script, for help or completion: it is not run
	passed     map[string]bool // files and settings that do not count, and were told of
	began      time.Time       // when the process was
	still      bool            // the clock of scripts was set
	completing bool            // a script's command line, while somebody types
	explained  bool            // the script is to be explained, and has no effects
	script     *script

	ran      bool              // something that is asked for, beside help
	stock    bool              // the script that is run is one of ours
	session  *builtins.Session // its run
	document bool              // JSON is to be written about it
	result   any               // of it, for that
	totals   map[string]int64  // of a table that main returned
	returned any               // what main returned and has been written
}

func (c *command) root(args []string) *cobra.Command {
	c.before, c.passed = map[*cobra.Command]preparation{}, map[string]bool{}
	root := &cobra.Command{
		Use:   "phlb",
		Short: "backups that are plain directories",
		Long: "Backups that are plain directories: every run leaves a complete snapshot tree,\n" +
			"and content that the backup root already holds is hardlinked.",
		Version:       built(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          c.unknown,
		// It is not called for --help; what is hidden is what shells ask.
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			c.ran = !cmd.Hidden && cmd.Name() != "help"
			c.dryRun = c.dryRun || c.sandbox // whatever --dry-run=false says
		},
	}
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.out())
	root.SetErr(c.err())
	root.SetFlagErrorFunc(flagError)
	root.SetCompletionCommandGroupID("rest")
	root.SuggestionsMinimumDistance = 2
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable .HasParent}}", 1))
	root.Flags().SortFlags = false

	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.Var((*filledIn)(&c.backupPath), "backup-path", "where the backups go, instead of backup_path in phlb.toml")
	flags.BoolVar(&c.wait, "wait", false, "wait for a lock that another phlb holds")
	flags.BoolVar(&c.dryRun, "dry-run", false, "change nothing, but say what would be done")
	flags.BoolVar(&c.newRoot, "new-root", false, "make a new backup root, or accept another one, where the one that was there is missing")
	flags.BoolVar(&c.foreign, "foreign-root", false, "read a backup root that is somebody else's, and write nothing there")
	flags.BoolVar(&c.json, "json", false, "make the output one JSON document")
	flags.StringVar(&c.metrics, "metrics", "", "write to this file how the run ended, for Prometheus")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "say nothing but errors")
	flags.CountVarP(&c.verbose, "verbose", "v", "list the paths that are skipped or linked; given twice, list every path")
	flags.TimeVar(&c.now, "now", c.now, []string{time.RFC3339Nano}, "the time that scripts and now() in questions take for now, such as 2026-11-22T10:45:00Z")
	flags.Lookup("now").DefValue = ""
	flags.StringSliceVar(&c.allow.Run, "allow-run", nil, "a program that scripts may run, beside allow_run in phlb.toml")
	flags.StringSliceVar(&c.allow.Net, "allow-net", nil, "a host that scripts may talk to, beside allow_net")
	flags.StringSliceVar(&c.allow.Env, "allow-env", nil, "an environment variable that scripts may read, beside allow_env")

	c.limitFlags(flags)

	for _, p := range policies {
		root.AddGroup(p.group)
		for _, name := range p.names {
			root.AddCommand(c.policy(name, p.group.ID))
		}
	}
	root.AddGroup(&cobra.Group{ID: "rest", Title: "Scripts and settings:"})
	for _, cmd := range []*cobra.Command{c.exec(), c.repl(), c.scripts(), c.config()} {
		cmd.GroupID = "rest"
		root.AddCommand(cmd)
	}
	for _, cmd := range []*cobra.Command{c.query(), c.export()} {
		cmd.GroupID = "look"
		root.AddCommand(cmd)
	}
	root.AddCommand(c.tools()...)
	root.AddCommand(c.explain())
	root.SetHelpCommandGroupID("rest")
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Args = func(_ *cobra.Command, args []string) error {
			if found, _, err := root.Find(args); err == nil && found == root && len(args) > 0 {
				return c.unknown(root, args)
			}
			return nil
		}
	}
	root.SetOut(correctedShells{c.out()})
	root.InitDefaultCompletionCmd()
	root.SetOut(c.out())
	if shells, _, err := root.Find([]string{"completion"}); err == nil {
		shells.Args, shells.DisableFlagsInUseLine = nil, true
		shells.RunE = func(*cobra.Command, []string) error {
			return usagef("for which shell? phlb completion bash, zsh, fish or powershell")
		}
	}
	return root
}

// unknown is phlb without a subcommand that there is.
func (c *command) unknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		cmd.SetOut(c.err())
		cmd.Help()
		return usagef("which command?")
	}
	if strings.HasSuffix(args[0], ".star") {
		return usagef("unknown command %q: to run a script, phlb exec %s", args[0], args[0])
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usagef("unknown command %q: did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return usagef("unknown command %q: phlb --help lists those there are", args[0])
}
