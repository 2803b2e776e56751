package main

import (
	"github.com/spf13/cobra"
)

// mod is about the modules that scripts load.
func (c *command) mod() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mod",
		Short: "Look at the modules that scripts load.",
		Args:  cobra.ArbitraryArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("usage: phlb mod audit [FILE]")
		},
	}
	cmd.AddCommand(c.audit())
	return cmd
}
