package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"phlb/runtime"
	"phlb/scripts"
)

func (c *command) exec() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec FILE.star [ARGUMENT ...]",
		Short: "Run a script.",
		Long: "Run a script: the file of that name, else the one of that name in the folder\n" +
			"phlb/scripts of the user's configuration, else the policy of phlb's own.\n\n" +
			"The parameters of the script's main are its flags and arguments, which\n" +
			"phlb exec FILE.star --help lists. The global flags may stand among them; what\n" +
			"follows -- is an argument, whatever it begins with.\n\n" +
			"With --sandbox, as for a script that somebody else wrote, all effects are only\n" +
			"planned, whatever phlb.toml permits. The script may read what you may, loads\n" +
			"nothing from outside of its folder but @std, and has the limits of strangers.",
		Example:           "  phlb exec documents.star ~/Documents --deep --daily 14",
		ValidArgsFunction: c.completeScript,
		RunE: func(*cobra.Command, []string) error {
			return usagef("which script? phlb exec FILE.star")
		},
	}
	cmd.PersistentFlags().BoolVar(&c.sandbox, "sandbox", false, "only plan what the script would do, and permit it nothing")
	c.before[cmd] = func(ctx context.Context, args []string) error {
		c.dryRun = c.dryRun || c.sandbox
		if len(args) == 0 {
			return nil
		}
		name, err := c.locate(args[0])
		if err != nil {
			return err
		}
		// A command ends at a space, its other name does not.
		file := &cobra.Command{Use: strings.ReplaceAll(args[0], " ", "\u00a0"), Aliases: []string{args[0]}}
		file.Flags().SortFlags = false
		file.RunE = cmd.RunE
		cmd.AddCommand(file)
		return c.become(ctx, file, name)
	}
	return cmd
}

// locate finds a script: the path as given, else that name in the user's folder
// of scripts, else the stock policy of that name.
func (c *command) locate(name string) (string, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && !info.IsDir():
		return name, nil
	case filepath.Base(name) != name: // a path means one file
	default:
		file := stem(name) + ".star"
		own := filepath.Join(userConfig(), "phlb", "scripts", file)
		if info, err := os.Stat(own); err == nil && !info.IsDir() {
			c.running("running %s", own)
			return own, nil
		}
		if _, err := fs.Stat(scripts.FS, file); err == nil {
			c.running("running the stock policy %s", stem(name))
			return library(stem(name)), nil
		}
		if near := meant(name, append(stems(filepath.Dir(own)), scripts.Names()...)); err != nil && near != "" {
			return "", usagef("no script %s: did you mean %s?", name, near)
		}
		if err != nil {
			return "", usagef("no script %s: neither here, nor as %s, nor among those of phlb scripts", name, own)
		}
	}
	if near := meant(name, nil); errors.Is(err, fs.ErrNotExist) && near != "" {
		return "", usagef("no script %s: did you mean %s?", name, near)
	}
	if err != nil {
		return "", usagef("no script %s: %v", name, cause(err))
	}
	return "", usagef("no script %s: is a directory", name)
}

// running says which script is run, where one is.
func (c *command) running(format, name string) {
	if !c.peek {
		c.info(format, name)
	}
}

// meant returns what name is most likely a misspelling of, "" if nothing is
// close: a script in the folder that it names, or one of others.
func meant(name string, others []string) string {
	dir := filepath.Dir(name)
	if near := runtime.Nearest(stem(name), stems(dir)); near != "" {
		return filepath.Join(dir, near+".star")
	}
	return runtime.Nearest(stem(name), others)
}

// stems lists the scripts in a folder.
func stems(dir string) (names []string) {
	entries, _ := os.ReadDir(dir) // what cannot be listed cannot be suggested
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".star" {
			names = append(names, stem(e.Name()))
		}
	}
	return names
}

// stem returns the name of a script without its folder and ending.
func stem(path string) string { return strings.TrimSuffix(filepath.Base(path), ".star") }

// library returns the name by which a stock policy is loaded.
func library(name string) string { return "@std//" + name + ".star" }
