package main

import (
	"github.com/spf13/cobra"

	"phlb/scripts"
)

// policies are the stock scripts that are commands, by what they are for.
var policies = []struct {
	group *cobra.Group
	names []string
}{
	{&cobra.Group{ID: "make", Title: "Make and check backups:"}, []string{"backup", "verify", "check-age", "add"}},
	{&cobra.Group{ID: "look", Title: "Look into them:"}, []string{"snapshots", "find", "log", "diff", "stat"}},
	{&cobra.Group{ID: "restore", Title: "Get files back:"}, []string{"restore"}},
	{&cobra.Group{ID: "room", Title: "Make room:"}, []string{"forget", "remove"}},
}

// policy is a command that is a script of ours.
func (c *command) policy(name, group string) *cobra.Command {
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
		GroupID:            group,
		DisableFlagParsing: true,
		ValidArgsFunction:  c.completePolicy(name),
		RunE:               run,
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		if err := run(cmd, []string{"--help"}); err != nil {
			c.warn("%v", err)
		}
	})
	return cmd
}
