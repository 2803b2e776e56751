package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine"
)

func (c *command) explain() *cobra.Command {
	var policy string
	var asked *script
	cmd := &cobra.Command{
		Use:   "explain PATH [ARGUMENT ...]",
		Short: "Say whether a path is backed up, and which rule decides.",
		Long: "Say whether a path is backed up, and which rule decides. The path need not exist;\n" +
			"if it ends in a slash it is taken for a directory.\n\n" +
			"The policy is run with the arguments, without any effect: nothing is backed up,\n" +
			"removed, restored or sent, and no file is read but the ignore files on the way to\n" +
			"the path. Without --policy, phlb backup is asked, and the first argument is the\n" +
			"directory to back up. Without that argument, every directory above the path is\n" +
			"tried of which there is a snapshot.",
		Example: "  phlb explain ~/src/x/target/a.o --policy documents.star\n" +
			"  phlb explain ~/notes.tmp ~ --skip '*.tmp'",
		GroupID: "make",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "" {
				return usagef("which path? phlb explain PATH --policy FILE.star")
			}
			return c.explainPath(cmd.Context(), asked, args[0], args[1:], policy == "")
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&policy, "policy", "", "the script to ask, found as by phlb exec")
	c.before[cmd] = func(ctx context.Context, _ []string) (err error) {
		c.explained = true
		name := library("backup")
		if policy != "" {
			if name, err = c.locate(policy); err != nil {
				return err
			}
		}
		asked, err = c.load(ctx, cmd, name)
		return err
	}
	return cmd
}

// explainPath asks a script about a path. If it is the one of phlb backup and
// nothing is said of what to back up, all that was backed up is asked about.
func (c *command) explainPath(ctx context.Context, asked *script, given string, args []string, stock bool) error {
	s := asked.session
	defer s.Engine.Close()
	path, err := filepath.Abs(s.Engine.Expand(given))
	if err != nil {
		return err
	}
	if os.IsPathSeparator(given[len(given)-1]) && path != string(filepath.Separator) {
		path += string(filepath.Separator)
	}
	s.Explain = path
	runs := [][]string{args}
	if stock && len(args) == 0 {
		sources, err := c.known(ctx, s.Engine, path)
		if err != nil {
			return err
		}
		if len(sources) == 0 {
			c.info("no directory above %s has a snapshot yet: say which one is to be backed up, phlb explain PATH DIR, or --policy FILE.star", path)
		} else {
			runs = nil
		}
		for _, source := range sources {
			runs = append(runs, []string{source})
		}
	}
	var failed error
	for _, run := range runs {
		positional, named, err := asked.Values(run)
		if err == nil {
			_, err = asked.Call(ctx, positional, named)
		}
		if failed = err; failed != nil {
			break
		}
	}
	all := s.Explanations()
	if failed != nil && (len(all) == 0 || ctx.Err() != nil) {
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
	_, err = io.WriteString(c.out(), show.Explanations(path, asked.name, all))
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
