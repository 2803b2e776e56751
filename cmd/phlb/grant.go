package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"phlb/builtins"
	"phlb/engine/config"
	"phlb/runtime"
)

// grantFlags are those by which a user allows something to a script of a module for
// one run, or denies something to any script.
func (c *command) grantFlags(flags *pflag.FlagSet) {
	words := map[string]string{
		"read": "read files and directories", "link": "make snapshots, and adopt them", "remove": "remove snapshots",
		"restore": "restore", "heal": "heal snapshots", "run": "run programs", "net": "talk to hosts", "env": "read environment variables",
	}
	on := func(name, usage string, set func()) {
		flags.BoolFunc(name, usage, func(value string) error {
			if value != "true" {
				return errors.New("it is a switch: leave it out instead")
			}
			set()
			return nil
		})
	}
	for _, kind := range config.Effects {
		on("allow-"+kind, "let a script of a module "+words[kind]+", beside [allow]", func() { c.allow.Effects = append(c.allow.Effects, kind) })
	}
	for _, kind := range append(slices.Clone(config.Effects), "run", "net", "env") {
		on("deny-"+kind, "let no script "+words[kind], func() { c.deny = append(c.deny, kind) })
	}
}

// grant gives a session what the script of that name may do: one of a module that
// comes from elsewhere has what it is granted, and its limits.
func (c *command) grant(s *builtins.Session, host *runtime.Host, name string) {
	module, _, ok := strings.Cut(strings.TrimPrefix(name, "@"), "//")
	if !ok || !strings.HasPrefix(name, "@") || host.Modules[module] == nil || host.Modules[module].Origin == "" {
		return
	}
	s.Module = module
	s.Sandbox = s.Sandbox || c.stranger != nil // nothing can be granted to what is not declared
	if s.Sandbox {
		return
	}
	granted := s.Engine.Config.Allow[module]
	s.Allow = builtins.Permissions{
		Run:     slices.Concat(c.allow.Run, granted.Run),
		Net:     slices.Concat(c.allow.Net, granted.Net),
		Env:     slices.Concat(c.allow.Env, granted.Env),
		Effects: slices.Concat(c.allow.Effects, granted.Effects),
	}
}
