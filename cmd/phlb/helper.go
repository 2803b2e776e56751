package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"go.starlark.net/syntax"

	"phlb/engine/publish"
	"phlb/engine/store"
)

// helperName is the file that phlb helper writes.
const helperName = "backup_this_directory.star"

func (c *command) helper() *cobra.Command {
	var force bool
	var name string
	cmd := &cobra.Command{
		Use:   "helper DIR",
		Short: "Put a script into a folder that backs up the folder.",
		Long: "Write " + helperName + " into the folder DIR: a script that backs up\n" +
			"the folder in which it lies, also after the folder was moved. The script is a\n" +
			"policy that you can edit. On Windows a .cmd beside it runs it from the Explorer.",
		Example: "  phlb helper ~/Pictures\n  ~/Pictures/" + helperName,
		Args:    arguments(1, "phlb helper DIR"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return usagef("no folder %s: %v", args[0], orElse(err, "is a file"))
			}
			if name == "" {
				name = filepath.Base(dir)
			}
			if err := store.CheckName(name); err != nil || !utf8.ValidString(name) {
				return usagef("%v; choose a name for the backup with --name", orElse(err, fmt.Sprintf("%q is not UTF-8", name)))
			}
			path := filepath.Join(dir, helperName)
			if c.dryRun {
				return c.writeText(helperScript(name))
			}
			if _, err := os.Lstat(path); err == nil && !force {
				return usagef("%s is there already: --force replaces it", path)
			}
			if err := publish.WriteFile(path, []byte(helperScript(name)), 0o777); err != nil {
				return err
			}
			made := []string{path}
			if runtime.GOOS == "windows" {
				phlb, err := os.Executable()
				if err != nil {
					return err
				}
				starter := strings.TrimSuffix(path, filepath.Ext(path)) + ".cmd"
				if err := os.WriteFile(starter, []byte(helperStarter(phlb)), 0o777); err != nil {
					return err
				}
				made = append(made, starter)
			}
			return c.writePaths(made)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "folder under the backup root; DIR's own folder name by default")
	cmd.Flags().BoolVar(&force, "force", false, "replace a script that is there already")
	return cmd
}

// orElse returns the cause of err, or what else is wrong.
func orElse(err error, otherwise string) any {
	if err != nil {
		return cause(err)
	}
	return otherwise
}

func helperScript(name string) string {
	return strings.ReplaceAll(helperSource, "NAME", syntax.Quote(name, false))
}

// helperStarter is what the Explorer starts: it runs the script beside it, and waits
// for a key, so that what comes of it can be read. Without a window of its own, for
// other programs, it does not wait.
func helperStarter(phlb string) string {
	lines := []string{
		"@echo off",
		"setlocal disabledelayedexpansion",
		`"` + strings.ReplaceAll(phlb, "%", "%%") + `" exec "%~dp0` + helperName + `" %*`,
		"set phlb_code=%errorlevel%",
		"setlocal enabledelayedexpansion", // by now no path with an exclamation mark is named
		`if not "!cmdcmdline:` + strings.TrimSuffix(helperName, ".star") + `=!"=="!cmdcmdline!" pause`,
		"exit /b %phlb_code%",
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

const helperSource = `#!/usr/bin/env -S phlb exec
"""Back up the folder in which this script lies."""

# The folder under the backup root. It stays the same when this one is renamed,
# so that the snapshots stay together.
name = NAME

# Names or globs of folders that are never entered, beside the configured ones.
skip_dirs = [
    # ".cache",
    # "node_modules",
]

# Globs over names or paths to leave out, beside the configured ones.
skip = [
    # "*.tmp",
]

# Words to find the snapshots by later.
tags = []

# load("@std//retention.star", "ladder")

def main():
    """Back up the folder in which this script lies."""
    tree = scan(here(), skip_dirs = config.skip_dirs + skip_dirs, skip = config.skip_patterns + skip)
    snap = link(tree, name = name, tags = tags)

    # Read a tenth of it back:
    # verify(snap, sample = 0.1)

    # Keep the newest snapshot of 7 days, 4 weeks and 12 months, remove others
    # (load ladder above):
    # remove(ladder(snapshots(name), daily = 7, weekly = 4, monthly = 12).drop)

    return snap
`
