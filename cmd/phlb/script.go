package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"phlb/builtins"
	"phlb/cmd/phlb/mod"
	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
	"phlb/scripts"
)

// script is one that a command line names, and what it was loaded with.
type script struct {
	*runtime.Script
	*runtime.Binding
	session *builtins.Session
	name    string
}

// preparation makes a command ready for what stands on the command line, whose
// positional arguments are args as far as can be told yet.
type preparation func(ctx context.Context, args []string) error

// prepare loads the script that a command line names, before cobra parses it:
// the parameters of its main are flags of the command. The global flags are read
// first, wherever they stand, since they may say what a script is given.
func (c *command) prepare(ctx context.Context, root *cobra.Command, args []string) error {
	if len(args) > 1 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		c.peek, c.completing = true, true
		args = args[1 : len(args)-1] // but what is being typed
	}
	cmd, args, err := root.Find(args)
	if err == nil && cmd.Name() == "help" {
		c.peek = true
		cmd, args, err = root.Find(args)
	}
	if err != nil || c.before[cmd] == nil {
		return nil // cobra says what is wrong
	}
	cmd.InheritedFlags() // makes them part of all flags
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.AddFlagSet(cmd.Flags())
	help := flags.BoolP("help", "h", false, "") // what stands behind it counts too
	flags.Usage = func() {}
	flags.ParseErrorsAllowlist.UnknownFlags = true
	err = flags.Parse(args)
	c.peek = c.peek || *help
	c.still = flags.Changed("now")
	if err != nil && !c.peek {
		return flagError(cmd, err)
	}
	err = c.before[cmd](ctx, flags.Args())
	c.verbose, c.allow, c.deny = 0, builtins.Permissions{}, nil // which would count twice
	if c.completing {
		return nil // there is less to complete then
	}
	return err
}

// load loads a script and adds its flags to a command. If there is only a peek at
// it, a broken phlb.toml is no hindrance, and what its globals print is not seen.
func (c *command) load(ctx context.Context, cmd *cobra.Command, name string) (*script, error) {
	e, err := c.engine(c.peek)
	if err != nil {
		return nil, err
	}
	s := &script{session: c.newSession(e), name: name}
	host, err := c.newHost(e, name)
	if err != nil {
		return nil, err
	}
	host.Flags, host.Result = reserved(cmd), c.writeResult
	if !c.trusted {
		c.grant(s.session, host, name)
	}
	switch {
	case c.peek:
	case c.explained: // what a policy says of things that do not happen would mislead
		s.session.Explain = "/" // which path it is, is not known yet
		s.session.Allow.Run, s.session.Allow.Net, host.Result = nil, nil, nil
		if c.verbose > 0 {
			host.Print = c.err()
		}
	default:
		c.session, c.document, c.stock = s.session, c.json, strings.HasPrefix(name, "@std//")
		host.Print = c.out()
		if c.json {
			host.Print = c.err()
		}
	}
	if to, ok := host.Print.(writer); ok && (c.dryRun || isTerminal(to.to)) {
		host.Print = harmless{to}
	}
	c.limit(host, e)
	host.Names = s.session.Names()
	if s.Script, err = host.Load(ctx, name); err != nil {
		var failed *runtime.Error
		if err = unread(err); strings.HasPrefix(name, "@") && !errors.As(err, &failed) && ctx.Err() == nil {
			err = usage(err) // a module that is not there, or not what it was
		}
		return nil, err
	}
	s.Binding = s.Script.Binding()
	s.AddFlags(cmd.Flags())
	for _, p := range s.Params {
		if flag := strings.TrimPrefix(p.Flag(), "--"); cmd.Flags().Lookup(flag) != nil {
			cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return c.completeValue(&p, typed)
			})
		}
	}
	return s, nil
}

// newHost returns a host with what the script of that name loads from.
func (c *command) newHost(e *engine.Engine, name string) (*runtime.Host, error) {
	host := &runtime.Host{Modules: map[string]*runtime.Module{"std": {Label: "@std", Files: scripts.FS}}, Now: c.now.Local()}
	err := c.addModules(host, e.Config, name)
	if c.peek && err != nil {
		err = nil // a broken lock is no reason to refuse help
	}
	return host, err
}

// strangers is what a host calls the module of a script that no phlb.toml declares.
const strangers = "script"

// addModules adds the modules that a script may load: those of the phlb.toml that is
// nearest to it, which is the one in effect where it is not called by its path.
// Nothing is fetched.
func (c *command) addModules(host *runtime.Host, settings *config.Config, name string) error {
	if c.stranger != nil {
		host.Modules[strangers] = c.stranger
		return nil
	}
	if strings.HasPrefix(name, "@std//") {
		return nil // which loads none
	}
	if name != "" && !strings.HasPrefix(name, "@") {
		path, err := filepath.Abs(name)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			return nil // loading it says what is wrong
		}
		sources, err := c.sources()
		if err != nil {
			return err
		}
		sources.Dir = filepath.Dir(path)
		if found, err := config.Find(sources); err != nil || found != settings.Path {
			if settings, err = config.Load(sources); err != nil {
				return err
			}
		}
	}
	if settings.Path == "" {
		return nil
	}
	host.Root = filepath.Dir(settings.Path)
	if len(settings.Modules) == 0 {
		return nil
	}
	cache, err := c.modules()
	if err != nil {
		return err
	}
	maps.Copy(host.Modules, mod.Modules(host.Root, settings.Modules, cache))
	return nil
}

// become makes a command that of a script.
func (c *command) become(ctx context.Context, cmd *cobra.Command, name string) error {
	s, err := c.load(ctx, cmd, name)
	if err != nil {
		return err
	}
	c.script = s
	cmd.Use = strings.TrimSpace(cmd.Use + " " + s.Synopsis())
	cmd.Long = s.Help()
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		return c.completeArgument(cmd, s.Params, args, typed)
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error { return c.run(ctx, s, args) }
	return nil
}

// run runs a script with these positional arguments.
func (c *command) run(ctx context.Context, s *script, args []string) error {
	defer s.session.Engine.Close()
	positional, named, err := s.Values(args)
	if err != nil {
		return err
	}
	stop := c.show(s.session.Engine.Progress, s.session.Engine.Config.ProgressInterval)
	_, err = s.Call(ctx, positional, named)
	stop()
	if err != nil {
		c.writeRestores() // where stdout is shut, there is an error already
		return err
	}
	c.tellUnchecked(ctx)
	return c.writeMade()
}

// harmless is where a script prints to if it might hide what phlb says.
type harmless struct{ io.Writer }

// Write writes whole lines.
func (h harmless) Write(p []byte) (int, error) {
	if _, err := io.WriteString(h.Writer, runtime.Harmless(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// tellUnchecked says of which names there was no age to check, since a name may
// be mistyped.
func (c *command) tellUnchecked(ctx context.Context) {
	for _, err := range c.session.Missed(ctx) {
		c.warn("warning: %v", err)
	}
	for _, err := range c.session.Idle() {
		c.warn("warning: %v", err)
	}
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

// unread makes the error of a script that cannot be read one of usage.
func unread(err error) error {
	var failed *runtime.Error
	var path *fs.PathError
	if !errors.As(err, &failed) && errors.As(err, &path) {
		return usagef("no script %s: %v", path.Path, path.Err)
	}
	return err
}
