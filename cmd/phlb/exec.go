package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"phlb/builtins"
	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
	"phlb/scripts"
)

// command is what all subcommands share.
type command struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            time.Time

	backupPath string
	wait       bool
	session    *builtins.Session
}

func (c *command) exec() *cobra.Command {
	return &cobra.Command{
		Use:                "exec FILE.star [ARGUMENT ...]",
		Short:              "run a policy",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			args = c.globals(args)
			if len(args) == 0 {
				return &runtime.UsageError{Msg: "exec: which script? phlb exec FILE.star"}
			}
			return c.script(cmd.Context(), c.locate(args[0]), args[1:])
		},
	}
}

// stock is a command that is a policy of ours.
func (c *command) stock(name string) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.script(cmd.Context(), "@std//"+name+".star", c.globals(args))
		},
	}
}

// globals takes the flags of every command out of args, which the script's own
// flags are among.
func (c *command) globals(args []string) (rest []string) {
	for i := 0; i < len(args); i++ {
		switch value, has := strings.CutPrefix(args[i], "--backup-path="); {
		case has:
			c.backupPath = value
		case args[i] == "--backup-path" && i+1 < len(args):
			i++
			c.backupPath = args[i]
		case args[i] == "--wait":
			c.wait = true
		case args[i] == "--":
			return append(rest, args[i:]...)
		default:
			rest = append(rest, args[i])
		}
	}
	return rest
}

// locate finds a script: the path as given, else that name in the user's
// folder of scripts, else the stock policy of that name.
func (c *command) locate(name string) string {
	if _, err := os.Stat(name); err == nil {
		return name
	}
	if dir, err := os.UserConfigDir(); err == nil {
		path := filepath.Join(dir, "phlb", "scripts", stem(name)+".star")
		if _, err := os.Stat(path); err == nil {
			c.warn("running %s", path)
			return path
		}
	}
	if _, err := fs.Stat(scripts.FS, stem(name)+".star"); err == nil {
		c.warn("running the stock policy %s", stem(name)+".star")
		return "@std//" + stem(name) + ".star"
	}
	return name
}

func (c *command) open() (*engine.Engine, error) {
	wd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	home, _ := os.UserHomeDir()
	userConfig, _ := os.UserConfigDir()
	cfg, err := config.Load(config.Sources{Dir: wd, UserConfigDir: userConfig, Home: home, Env: os.LookupEnv, BackupPath: c.backupPath})
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return engine.Open(cfg, engine.Environment{
		Host: host, Boot: strings.TrimSpace(string(boot)), Home: home, TempDir: os.TempDir(), Now: time.Now,
		Owner: fmt.Sprintf("pid %d on %s", os.Getpid(), host),
		Log:   slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: cfg.ConsoleLevel}), Wait: c.wait,
	}), nil
}

func (c *command) script(ctx context.Context, name string, args []string) error {
	e, err := c.open()
	if err != nil {
		return err
	}
	c.session = &builtins.Session{Engine: e}
	host := &runtime.Host{
		Names: c.session.Names(), Modules: map[string]fs.FS{"std": scripts.FS}, Now: c.now, Print: c.stdout,
	}
	script, err := host.Load(ctx, name)
	if err != nil {
		return err
	}
	_, err = script.Run(ctx, args)
	if errors.Is(err, runtime.ErrHelp) {
		return script.Usage(c.stdout, "phlb "+stem(name))
	}
	for _, s := range c.session.Made() {
		c.warn("%s: %s", s.Path, engine.Summarize(&s.Header, &s.Summary))
	}
	return err
}

// exit prints the error and returns the exit code.
func (c *command) exit(ctx context.Context, err error) int {
	var usage *runtime.UsageError
	var failed *runtime.Error
	switch {
	case err == nil:
	case errors.As(err, &failed):
		c.warn("%s", failed.Detail())
	default:
		c.warn("%v", err)
	}
	switch {
	case ctx.Err() != nil:
		return 130
	case errors.As(err, &usage), failed != nil && failed.Compile:
		return 2
	case err != nil:
		return 1
	}
	if c.session != nil {
		for _, s := range c.session.Made() {
			if s.Errors > 0 {
				return 3
			}
		}
	}
	return 0
}
