package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"phlb/scripts"
)

// policies are the stock scripts that are commands, by what they are for.
var policies = []struct {
	group *cobra.Group
	names []string
}{
	{&cobra.Group{ID: "make", Title: "Make and check backups:"}, []string{"backup", "verify", "check-age", "add"}},
	{&cobra.Group{ID: "look", Title: "Look into them:"}, []string{"snapshots", "find", "log", "diff", "stat", "du", "top"}},
	{&cobra.Group{ID: "restore", Title: "Get files back:"}, []string{"restore"}},
	{&cobra.Group{ID: "room", Title: "Make room:"}, []string{"forget", "remove"}},
}

// stock is the annotation of commands that are scripts of ours.
const stock = "stock"

// policy is a command that is a script of ours.
func (c *command) policy(name, group string) *cobra.Command {
	source, _ := named{name: name, ending: scriptEnding}.source() // a test runs them all
	cmd := &cobra.Command{
		Use:     name,
		Short:   scripts.Doc(source),
		GroupID: group,
		// The manual has pages of these, too.
		Annotations: map[string]string{stock: name},
		RunE:        func(*cobra.Command, []string) error { return fmt.Errorf("%s was not loaded", name) },
	}
	cmd.Flags().SortFlags = false
	c.before[cmd] = func(ctx context.Context, _ []string) error { return c.become(ctx, cmd, library(name)) }
	return cmd
}
