package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"phlb/runtime"
)

// globals takes the flags of phlb itself out of args, wherever they stand among
// those of a script, and sets them. What follows "--" is the script's alone.
func (c *command) globals(cmd *cobra.Command, args []string) (rest []string, err error) {
	flags := cmd.Root().PersistentFlags()
	var own []string
	for len(args) > 0 && args[0] != "--" {
		if n := length(flags, args); n > 0 {
			own, args = append(own, args[:n]...), args[n:]
		} else {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	if err := flags.Parse(own); err != nil {
		return nil, flagError(cmd, err)
	}
	return append(rest, args...), nil
}

// asksJSON reports whether --json stands among args.
func asksJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// length returns how many of args the flag at their beginning and its value
// are, 0 if flags has no such flag.
func length(flags *pflag.FlagSet, args []string) int {
	name, _, given := strings.Cut(args[0], "=")
	flag := (*pflag.Flag)(nil)
	switch {
	case strings.HasPrefix(name, "--"):
		flag = flags.Lookup(name[2:])
	case strings.HasPrefix(name, "-"):
		for _, letter := range name[1:] { // -qv
			if flag = flags.ShorthandLookup(string(letter)); flag == nil {
				return 0
			}
		}
	}
	switch {
	case flag == nil:
		return 0
	case given || flag.NoOptDefVal != "" || len(args) == 1:
		return 1
	}
	return 2
}

// flagNames lists the long flags as a user writes them.
func flagNames(flags *pflag.FlagSet) (names []string) {
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return names
}

// flagError makes what cobra says of a flag a UsageError.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			return usagef("unknown flag -%s: --help lists those there are", unknown.GetSpecifiedName())
		}
		if near := runtime.Nearest(name, append(flagNames(cmd.Flags()), "--help")); near != "" {
			return usagef("unknown flag %s: did you mean %s?", name, near)
		}
		return usagef("unknown flag %s: --help lists those there are", name)
	case errors.As(err, &invalid) && invalid.GetFlag().Name == "now":
		return usagef("--now: %q is not a time such as 2026-11-22T10:45:00Z", invalid.GetValue())
	}
	return usagef("%v", err)
}

func usagef(format string, args ...any) error {
	return &runtime.UsageError{Msg: fmt.Sprintf(format, args...)}
}

// arguments refuses more than n of them, and less.
func arguments(n int, usage string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("usage: %s", usage)
		}
		return nil
	}
}
