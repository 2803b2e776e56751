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

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"phlb/builtins"
	"phlb/engine"
	"phlb/engine/walk"
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
	_, err = fmt.Fprint(c.out(), explanations(path, name, all))
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
	}{Path: engine.Text(path), Taken: taken(all), Scans: all}
	if d.Scans == nil {
		d.Scans = []*engine.Explanation{}
	}
	if failed != nil {
		d.Error = failed.Error()
	}
	return c.writeJSON(d)
}

func taken(all []*engine.Explanation) bool {
	return slices.ContainsFunc(all, func(x *engine.Explanation) bool { return x.Taken })
}

// explanations says what each scan that the path lies in makes of it.
func explanations(path, policy string, all []*engine.Explanation) string {
	inside := slices.DeleteFunc(slices.Clone(all), func(x *engine.Explanation) bool { return x.Outside })
	if len(all) == 0 {
		return fmt.Sprintf("skipped: %s makes no backup\n", printable(policy))
	}
	if len(inside) == 0 {
		var roots []string
		for _, x := range all {
			roots = append(roots, printable(x.Root))
		}
		return fmt.Sprintf("skipped: %s lies outside of what is backed up: %s\n", printable(path), strings.Join(roots, ", "))
	}
	var b strings.Builder
	for _, x := range inside {
		if len(inside) > 1 {
			fmt.Fprintf(&b, "%s of %s: ", printable(x.Name), printable(x.Root))
		}
		b.WriteString(explanation(&x.Verdict))
		if x.Missing {
			b.WriteString("; it does not exist, and is judged by its name")
			if x.Taken {
				b.WriteString(": max_size and where are not asked")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func explanation(v *walk.Verdict) string {
	at := printable(v.At)
	if v.AtDir {
		at += "/"
	}
	word := "skipped"
	if v.Taken {
		word = "taken"
	}
	switch v.Reason {
	case walk.ByRule:
		text := fmt.Sprintf("skipped: %s by %v", at, v.By)
		if len(v.Over) > 0 {
			text += ", which" + overrides(v)
		}
		if v.AtDir {
			text += "; not entered"
		}
		return text
	case walk.ByMark:
		return fmt.Sprintf("%s: %s holds %s (%s), and what marks a directory is all that is taken of it", word, at, v.By.Text, v.By.Origin)
	case walk.BySize:
		return fmt.Sprintf("skipped: %s by max_size, %s is more than %s", at, humanize.IBytes(uint64(v.Size)), humanize.IBytes(uint64(v.Limit)))
	case walk.ByWhere:
		return fmt.Sprintf("skipped: %s by where, %s (%s) says no", at, v.By.Text, v.By.Origin)
	case walk.MountPoint:
		return fmt.Sprintf("%s: %s is a mount point, and with one_file_system nothing in it is taken", word, at)
	case walk.Excluded:
		return fmt.Sprintf("skipped: %s is the backup root", at)
	case walk.Unreadable:
		return fmt.Sprintf("skipped: %s cannot be read", at)
	case walk.NotDir:
		return fmt.Sprintf("skipped: %s is no directory; if it is a symbolic link, it is taken and not followed", at)
	}
	if v.By == nil {
		return "taken: no rule matches"
	}
	text := "taken: " + v.By.String()
	if v.At != v.Path {
		text += ", which matches " + at + ","
	}
	if len(v.Over) > 0 {
		text += overrides(v)
	}
	return strings.TrimSuffix(text, ",")
}

// overrides lists the rules that lost, without repeating what they share with
// the origin of the one that won.
func overrides(v *walk.Verdict) string {
	shared, _, ok := strings.Cut(v.By.Origin, ", ")
	var list []string
	for _, r := range v.Over {
		short := *r
		if rest, same := strings.CutPrefix(r.Origin, shared+", "); ok && same {
			short.Origin = rest
		}
		list = append(list, short.String())
	}
	return " overrides " + strings.Join(list, ", ")
}
