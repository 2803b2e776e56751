package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"phlb/runtime"
)

// asksJSON reports whether --json stands among args.
func asksJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// filledIn is a flag that must not be empty: a variable of the shell that is not set
// would mean something else than was meant.
type filledIn string

var _ pflag.Value = (*filledIn)(nil)

// Set implements [pflag.Value].
func (f *filledIn) Set(text string) error {
	if text == "" {
		return errors.New("is empty: give a path, or leave the flag out")
	}
	*f = filledIn(text)
	return nil
}

// String implements [pflag.Value].
func (f *filledIn) String() string { return string(*f) }

// Type implements [pflag.Value].
func (f *filledIn) Type() string { return "string" }

// reserved lists the flags that a command has whatever its script, as a user
// writes them.
func reserved(cmd *cobra.Command) []string {
	names := []string{"--help"}
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return names
}

// flagError makes what cobra says of a flag a UsageError.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) && invalid.GetFlag().Name == "now" {
		return usagef("--now: %q is not a time such as 2026-11-22T10:45:00Z", invalid.GetValue())
	}
	return runtime.FlagError(cmd.Flags(), err)
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
