package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/mod"
	"phlb/runtime/spelling"
)

func (c *command) exec() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec FILE.star [ARGUMENT ...]",
		Short: "Run a script.",
		Long: "Run a script: the file of that name, else one that phlb scripts lists, which\n" +
			"lies in the folder phlb/scripts of your configuration, in that of the system, or\n" +
			"comes with phlb. @NAME//FILE.star is that of a module, which may do what [allow]\n" +
			"in phlb.toml and the --allow flags grant it; phlb mod audit tells what it needs.\n\n" +
			"The parameters of the script's main are its flags and arguments, which\n" +
			"phlb exec FILE.star --help lists. The global flags may stand among them; what\n" +
			"follows -- is an argument, whatever it begins with.\n\n" +
			"With --sandbox, as for a script that somebody else wrote, all effects are only\n" +
			"planned, whatever phlb.toml permits. The script may read what you may, loads\n" +
			"nothing from outside of its folder but modules, and has the limits of strangers.\n\n" +
			"A script of git:URL//FILE.star@VERSION or oci:HOST/REPOSITORY//FILE.star@VERSION is\n" +
			"one that no phlb.toml declares: phlb mod get fetches it first, the lock in the\n" +
			"folder of your configuration pins it, and it is in the sandbox unless --trust is\n" +
			"given. What is run never comes over the network.",
		Example: "  phlb exec documents.star ~/Documents --deep --daily 14\n" +
			"  phlb exec git:https://git.example.org/policies.git//backup.star@v1.4.0 ~/Documents",
		ValidArgsFunction: c.completeScript,
		RunE: func(*cobra.Command, []string) error {
			return usagef("which script? phlb exec FILE.star")
		},
	}
	cmd.PersistentFlags().BoolVar(&c.sandbox, "sandbox", false, "only plan what the script would do, and permit it nothing")
	cmd.PersistentFlags().BoolVar(&c.trusted, "trust", false, "run a script of git: or oci: as one of your own, outside of the sandbox")
	c.grantFlags(cmd.PersistentFlags())
	c.before[cmd] = func(ctx context.Context, args []string) error {
		c.dryRun = c.dryRun || c.sandbox
		if len(args) == 0 {
			return nil
		}
		name, err := c.locate(args[0])
		if err != nil {
			return err
		}
		switch {
		case c.trusted && (c.stranger == nil || c.sandbox):
			return usagef("--trust is for a script of git: or oci:, which is in a sandbox without it")
		case c.stranger != nil && !c.trusted:
			c.sandbox, c.dryRun = true, true
		}
		// A command ends at a space, its other name does not.
		file := &cobra.Command{Use: strings.ReplaceAll(args[0], " ", "\u00a0")}
		if strings.Contains(args[0], " ") {
			file.Aliases = []string{args[0]}
		}
		file.Flags().SortFlags = false
		file.RunE = cmd.RunE
		cmd.AddCommand(file)
		return c.become(ctx, file, name)
	}
	return cmd
}

// locate finds a script: that of a module, the path as given, else one that is
// called by that name.
func (c *command) locate(name string) (string, error) {
	if strings.HasPrefix(name, "@") && strings.Contains(name, "//") {
		return name, nil
	}
	if mod.IsSource(name) {
		return c.locateStranger(name)
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && !info.IsDir():
		return name, nil
	case filepath.Base(name) == name: // else a path, which means one file
		n, missing := findNamed(stem(name), scriptEnding)
		switch {
		case missing == nil:
			if !c.peek {
				c.info("running %s", n)
			}
			return n.library(), nil
		case !errors.Is(missing, fs.ErrNotExist):
			return "", missing
		case err != nil:
			return "", unknownScript(name)
		}
	case errors.Is(err, fs.ErrNotExist):
		if near := nearestFile(name); near != "" {
			return "", usagef("no script %s: did you mean %s?", name, near)
		}
	}
	if err != nil {
		return "", usagef("no script %s: %v", name, cause(err))
	}
	return "", usagef("no script %s: is a directory", name)
}

// locateStranger finds a script of a module that no phlb.toml declares.
func (c *command) locateStranger(text string) (string, error) {
	source, err := mod.ParseSource(text, false)
	if err != nil {
		return "", usage(err)
	}
	if source.File == "" {
		return "", usagef("which script of it? %s//FILE.star@%s", strings.Replace(source.Source(), " ", ":", 1), source.At())
	}
	p, err := c.undeclared()
	if err != nil {
		return "", err
	}
	if c.stranger = p.Undeclared(source); c.stranger == nil {
		return "", usagef("%s is not pinned in %s: phlb mod get %s fetches it", source.Name(), filepath.Join(p.Dir, mod.LockName), source.Name())
	}
	return "@" + strangers + "//" + source.File, nil
}

// nearestFile returns the script beside a path that the path is most likely a
// misspelling of, "" if none is close.
func nearestFile(path string) string {
	dir := filepath.Dir(path)
	if near := spelling.Nearest(stem(path), stems(dir, scriptEnding)); near != "" {
		return filepath.Join(dir, near+".star")
	}
	return ""
}

// stems lists the scripts in a folder.
func stems(dir, ending string) (names []string) {
	entries, _ := os.ReadDir(dir) // what cannot be listed cannot be suggested
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ending {
			names = append(names, strings.TrimSuffix(e.Name(), ending))
		}
	}
	return names
}

// stem returns the name of a script without its folder and ending.
func stem(path string) string { return strings.TrimSuffix(filepath.Base(path), ".star") }

// library returns the name by which a stock policy is loaded.
func library(name string) string { return "@std//" + name + ".star" }
