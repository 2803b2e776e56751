package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"phlb/builtins"
	"phlb/engine"
	"phlb/engine/config"
)

// newSession returns a session with what the user's own scripts are permitted.
func (c *command) newSession(e *engine.Engine) *builtins.Session {
	if c.sandbox {
		return &builtins.Session{Engine: e, Now: c.now.Local(), Saved: saved, Deny: c.deny, Sandbox: true}
	}
	return &builtins.Session{Engine: e, Environ: os.Environ(), Now: c.now.Local(), Saved: saved, Deny: c.deny, Allow: builtins.Permissions{
		Run: append(c.allow.Run, e.Config.AllowRun...),
		Net: append(c.allow.Net, e.Config.AllowNet...),
		Env: append(c.allow.Env, e.Config.AllowEnv...),
	}}
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
	if settings.Path == "" && !help {
		c.offerImport(sources)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	now := time.Now
	if c.dryRun && c.still { // what would be done then, to the byte
		now = func() time.Time { return c.now }
	}
	var present time.Time
	if !c.now.Equal(c.began) {
		present = c.now.Local()
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return engine.Open(settings, engine.Environment{
		Version: built(), Host: host, Boot: strings.TrimSpace(string(boot)), Home: sources.Home, TempDir: os.TempDir(), Now: now, Present: present,
		Owner: fmt.Sprintf("pid %d on %s", os.Getpid(), host),
		Log:   &logger{console: c.console, level: c.level(settings.ConsoleLevel)}, Wait: c.wait,
		CountAhead: c.watched(), DryRun: c.dryRun, StateDir: sources.StateDir, NewRoot: c.newRoot, ForeignRoot: c.foreign, ReadOnly: c.readOnly,
		Memory: c.ownLimits(settings).Memory,
	}), nil
}

// sources is what the settings are made from.
func (c *command) sources() (config.Sources, error) {
	wd, err := os.Getwd()
	if err != nil {
		return config.Sources{}, fmt.Errorf("the working directory is gone: %w", err)
	}
	home := homeDir()
	return config.Sources{
		Dir: wd, UserConfigDir: userConfig(), SystemConfigDir: systemConfig, StateDir: stateDir(home), Home: home, Env: os.LookupEnv, BackupPath: c.backupPath,
		PassedOver: func(e *config.Error) {
			if !c.passed[e.Error()] { // what is asked for twice is told once
				c.passed[e.Error()] = true
				c.warn("%v", e)
			}
		},
	}, nil
}

// homeDir is the user's home, "" if there is none: then ~ is an error. One that is not
// absolute would be another one in each working directory.
func homeDir() string {
	home, _ := os.UserHomeDir()
	if !filepath.IsAbs(home) {
		return ""
	}
	return home
}

// userConfig is the folder of the user's configuration, "" if there is none.
func userConfig() string {
	dir, _ := os.UserConfigDir()
	if !filepath.IsAbs(dir) {
		return ""
	}
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
