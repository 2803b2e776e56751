package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/builtins"
	"phlb/cmd/phlb/show"
	"phlb/engine"
	"phlb/runtime"
	"phlb/scripts"
)

func (c *command) explain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain PATH [--policy FILE.star] [ARGUMENT ...]",
		Short: "Say whether a path is backed up, and which rule decides.",
		Long: "Say whether a path is backed up, and which rule decides. It need not exist; one\n" +
			"that ends in a slash is meant as a directory.\n\n" +
			"The policy is run with the arguments, without any effect: nothing is backed up,\n" +
			"removed, restored or sent, and no file is read but the ignore files on the way to\n" +
			"the path. Without --policy it is phlb backup that is asked, whose first argument\n" +
			"is the directory to back up. If that is left out too, it is every directory above\n" +
			"the path that there is a snapshot of.",
		Example: "  phlb explain ~/src/x/target/a.o --policy documents.star\n" +
			"  phlb explain ~/notes.tmp ~ --skip '*.tmp'",
		GroupID:            "make",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := c.globals(cmd, args)
			if err != nil {
				return err
			}
			if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			if len(args) > 1 && args[0] == "--" {
				args = args[1:]
			} else if len(args) == 0 || strings.HasPrefix(args[0], "-") {
				return usagef("which path? phlb explain PATH --policy FILE.star")
			}
			policy, rest, err := cutPolicy(args[1:])
			if err != nil {
				return err
			}
			return c.explainPath(cmd, args[0], policy, rest)
		},
	}
}

// cutPolicy takes --policy out of args.
func cutPolicy(args []string) (policy string, rest []string, err error) {
	for i, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		switch {
		case arg == "--":
			return "", args, nil
		case name != "--policy":
			continue
		case !given && i+1 == len(args):
			return "", nil, usagef("--policy: which? --policy FILE.star")
		case given:
			return value, slices.Delete(slices.Clone(args), i, i+1), nil
		}
		return args[i+1], slices.Delete(slices.Clone(args), i, i+2), nil
	}
	return "", args, nil
}

func (c *command) explainPath(cmd *cobra.Command, given, policy string, args []string) error {
	e, err := c.engine(false)
	if err != nil {
		return err
	}
	path, err := filepath.Abs(e.Expand(given))
	if err != nil {
		return err
	}
	if os.IsPathSeparator(given[len(given)-1]) && path != string(filepath.Separator) {
		path += string(filepath.Separator)
	}
	s := &builtins.Session{Engine: e, Explain: path, Environ: os.Environ(), Now: c.now.Local(),
		Allow: builtins.Permissions{Env: append(c.allow.Env, e.Config.AllowEnv...)}}
	name, runs := library("backup"), [][]string{args}
	if policy != "" {
		if name, err = c.locate(policy); err != nil {
			return err
		}
	} else if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		sources, err := c.known(cmd.Context(), e, path)
		if err != nil {
			return err
		}
		if len(sources) == 0 {
			c.info("no directory above %s has a snapshot yet: say which one is to be backed up, phlb explain PATH DIR, or --policy FILE.star", path)
		} else {
			runs = nil
		}
		for _, source := range sources {
			runs = append(runs, append([]string{source}, args...))
		}
	}
	failed := c.runToExplain(cmd, s, name, runs)
	all := s.Explanations()
	if failed != nil && (len(all) == 0 || cmd.Context().Err() != nil) {
		return failed
	}
	if c.json {
		return c.writeExplanations(path, all, failed)
	}
	for _, x := range all {
		for _, err := range x.Warnings {
			c.warn("warning: %s", attribute(slog.Any("", err)))
		}
	}
	if failed != nil {
		c.warn("warning: the policy failed after it had made a backup, which counts: %v", failed)
	}
	_, err = fmt.Fprint(c.out(), show.Explanations(path, name, all))
	return err
}

// known returns the directories above path that there is a snapshot of.
func (c *command) known(ctx context.Context, e *engine.Engine, path string) (sources []string, err error) {
	all, err := e.Snapshots(ctx, "")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.Source] {
			continue
		}
		seen[s.Source] = true
		if x, err := e.Explain(engine.Source{Root: s.Source}, path); err == nil && !x.Outside {
			sources = append(sources, s.Source)
		}
	}
	return sources, nil
}

// runToExplain runs the policy once for each list of arguments.
func (c *command) runToExplain(cmd *cobra.Command, s *builtins.Session, name string, runs [][]string) error {
	host := &runtime.Host{
		Names: s.Names(), Modules: map[string]fs.FS{"std": scripts.FS},
		Now: s.Now, Flags: flagNames(cmd.Root().PersistentFlags()),
	}
	if c.verbose > 0 { // what a policy says of things that do not happen would mislead
		host.Print = c.err()
	}
	script, err := host.Load(cmd.Context(), name)
	if err != nil {
		return unread(err)
	}
	for _, args := range runs {
		if _, err := script.Run(cmd.Context(), args); errors.Is(err, runtime.ErrHelp) {
			return cmd.Help()
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (c *command) writeExplanations(path string, all []*engine.Explanation, failed error) error {
	d := struct {
		Path  string                `json:"path"`
		Taken bool                  `json:"taken"`
		Scans []*engine.Explanation `json:"scans"`
		Error string                `json:"error,omitempty"`
	}{Path: engine.Text(path), Taken: show.Taken(all), Scans: all}
	if d.Scans == nil {
		d.Scans = []*engine.Explanation{}
	}
	if failed != nil {
		d.Error = failed.Error()
	}
	return c.writeJSON(d)
}
