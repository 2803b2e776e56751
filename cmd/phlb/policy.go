package main

import (
	"github.com/spf13/cobra"

	"phlb/scripts"
)

// policies are the stock scripts that are commands.
var policies = []string{"backup", "snapshots", "verify", "add"}

// policy is a command that is a script of ours.
func (c *command) policy(name string) *cobra.Command {
	run := func(cmd *cobra.Command, args []string) error {
		args, err := c.globals(cmd, args)
		if err != nil {
			return err
		}
		return c.run(cmd, library(name), "phlb "+name, args)
	}
	cmd := &cobra.Command{
		Use:                name,
		Short:              scripts.Doc(name),
		GroupID:            "policies",
		DisableFlagParsing: true,
		RunE:               run,
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		if err := run(cmd, []string{"--help"}); err != nil {
			c.warn("%v", err)
		}
	})
	return cmd
}
