package main

import (
	"errors"
	"os/user"
	"strconv"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine"
)

func (c *command) doctor() *cobra.Command {
	var group string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the backup root, without reading the files in it.",
		Long: "Say what is the matter with the backup root, without reading what it holds: who\n" +
			"else can look into it or replace it, damaged catalogs and manifests, known rot, and\n" +
			"what was left by runs that were cut off. The exit code is 1 if there is anything.\n\n" +
			"A root has the mode 0700 where phlb makes it. Otherwise owners of a source could\n" +
			"write their files inside of sealed snapshots, and others read the names in folders\n" +
			"that were closed to them. With --share a group may look into it all the same.",
		Example: "  phlb doctor\n  phlb doctor --share backup",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := c.engine(false)
			if err != nil {
				return err
			}
			if group != "" {
				return c.share(e, group)
			}
			found, err := e.Doctor(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.writeFindings(found); err != nil || len(found) == 0 {
				return err
			}
			return errors.New(english.Plural(len(found), "thing is", "things are") + " the matter with " + show.Printable(e.Config.BackupPath))
		},
	}
	cmd.Flags().StringVar(&group, "share", "", "let a group look into the root, on purpose")
	return cmd
}

func (c *command) share(e *engine.Engine, group string) error {
	gid, err := strconv.ParseUint(group, 10, 32)
	if err != nil {
		g, err := user.LookupGroup(group)
		if err != nil {
			return usagef("%v", err)
		}
		if gid, err = strconv.ParseUint(g.Gid, 10, 32); err != nil {
			return err
		}
	}
	if err := e.Share(uint32(gid)); err != nil {
		return err
	}
	c.info("the group %s may look into the root now: members who own files of a source can write them inside of snapshots", show.Printable(group))
	return nil
}

func (c *command) writeFindings(found []engine.Finding) error {
	if c.json {
		type finding struct {
			What   string `json:"what"`
			Path   string `json:"path"`
			Detail string `json:"detail"`
		}
		all := []finding{}
		for _, f := range found {
			all = append(all, finding{f.What, engine.Text(f.Path), engine.Text(f.Detail)})
		}
		return c.writeJSON(all)
	}
	if len(found) == 0 {
		c.info("nothing is the matter")
		return nil
	}
	t := show.Table{Columns: []show.Column{{Title: "WHAT"}, {Title: "WHERE"}, {Title: "WHAT IS THE MATTER", Words: true}}}
	for _, f := range found {
		t.Add(f.What, show.Printable(f.Path), show.Printable(f.Detail))
	}
	return c.writeTable(&t)
}
