package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"phlb/builtins"
	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
	"phlb/scripts"
)

// run runs the script called name. Its command line is args, after usage.
func (c *command) run(cmd *cobra.Command, name, usage string, args []string) error {
	e, err := c.engine(slices.Contains(args, "--help") || slices.Contains(args, "-h"))
	if err != nil {
		return err
	}
	c.session = c.newSession(e)
	defer e.Close()
	c.stock = strings.HasPrefix(name, "@")
	c.document = c.json
	print := c.out()
	if c.json {
		print = c.err()
	}
	globals := cmd.Root().PersistentFlags()
	host := &runtime.Host{
		Names: c.session.Names(), Modules: map[string]fs.FS{"std": scripts.FS},
		Now: c.now.Local(), Print: print, Flags: flagNames(globals), Result: c.writeResult,
	}
	ctx := cmd.Context()
	script, err := host.Load(ctx, name)
	if err != nil {
		return unread(err)
	}
	stop := c.show(e.Progress)
	_, err = script.Run(ctx, args)
	stop()
	if errors.Is(err, runtime.ErrHelp) {
		c.document, c.metrics = false, ""
		if err := script.Usage(c.out(), usage); err != nil {
			return err
		}
		_, err := io.WriteString(c.out(), "\nGlobal flags:\n"+globals.FlagUsages())
		return err
	}
	if err != nil {
		return err
	}
	c.tellUnchecked(ctx)
	return c.writeMade()
}

// tellUnchecked says of which names there was no age to check, since a name may
// be mistyped.
func (c *command) tellUnchecked(ctx context.Context) {
	checked := c.session.Checked()
	if c.session.Stale() && len(checked) == 0 {
		c.warn("no snapshots found in %s", c.session.Engine.Config.BackupPath)
	}
	for _, name := range slices.Sorted(maps.Keys(checked)) {
		if checked[name] != nil {
			continue
		}
		if _, err := c.session.Engine.Snapshot(ctx, name); err != nil {
			c.warn("%v", err)
		} else {
			c.warn("no snapshot of %s is complete", name)
		}
	}
}

// newSession returns a session with what scripts are permitted.
func (c *command) newSession(e *engine.Engine) *builtins.Session {
	return &builtins.Session{Engine: e, Environ: os.Environ(), Now: c.now.Local(), Allow: builtins.Permissions{
		Run: append(c.allow.Run, e.Config.AllowRun...),
		Net: append(c.allow.Net, e.Config.AllowNet...),
		Env: append(c.allow.Env, e.Config.AllowEnv...),
	}}
}

// unread makes the error of a script that cannot be read one of usage.
func unread(err error) error {
	var failed *runtime.Error
	var path *fs.PathError
	if !errors.As(err, &failed) && errors.As(err, &path) {
		return usagef("no script %s: %v", path.Path, path.Err)
	}
	return err
}

// engine opens the engine with the settings in effect, or where help is all
// that is asked for, with whatever there is: a broken phlb.toml is no reason to
// refuse that.
func (c *command) engine(help bool) (*engine.Engine, error) {
	sources, err := c.sources()
	if err != nil {
		return nil, err
	}
	settings, err := config.Load(sources)
	if help && err != nil {
		settings, err = &config.Config{}, nil
	}
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return engine.Open(settings, engine.Environment{
		Host: host, Boot: strings.TrimSpace(string(boot)), Home: sources.Home, TempDir: os.TempDir(), Now: time.Now,
		Owner: fmt.Sprintf("pid %d on %s", os.Getpid(), host),
		Log:   &logger{console: c.console, level: c.level(settings.ConsoleLevel)}, Wait: c.wait,
		CountAhead: c.watched(), DryRun: c.dryRun, StateDir: stateDir(sources.Home), NewRoot: c.newRoot,
	}), nil
}

// sources is what the settings are made from.
func (c *command) sources() (config.Sources, error) {
	wd, err := os.Getwd()
	if err != nil {
		return config.Sources{}, fmt.Errorf("the working directory is gone: %w", err)
	}
	home, _ := os.UserHomeDir() // without one, ~ is an error
	return config.Sources{
		Dir: wd, UserConfigDir: userConfig(), Home: home, Env: os.LookupEnv, BackupPath: c.backupPath,
		PassedOver: func(e *config.Error) { c.warn("%v", e) },
	}, nil
}

// userConfig is the folder of the user's configuration, "" if there is none.
func userConfig() string {
	dir, _ := os.UserConfigDir()
	return dir
}

// stateDir is the folder of what phlb remembers for the user, "" if there is
// none: see the XDG Base Directory Specification.
func stateDir(home string) string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "phlb")
	}
	if dir := os.Getenv("LocalAppData"); dir != "" { // of Windows
		return filepath.Join(dir, "phlb")
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".local", "state", "phlb")
}

// level returns from which level on messages appear.
func (c *command) level(configured slog.Level) slog.Level {
	switch {
	case c.quiet:
		return slog.LevelError
	case c.verbose > 1:
		return slog.LevelDebug
	case c.verbose > 0:
		return min(configured, slog.LevelInfo)
	}
	return configured
}
