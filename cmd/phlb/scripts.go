package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/scripts"
)

func (c *command) scripts() *cobra.Command {
	list := &cobra.Command{
		Use:   "list",
		Short: "List the scripts that phlb exec finds by their names.",
		Args:  arguments(0, "phlb scripts list"),
		RunE:  func(*cobra.Command, []string) error { return c.listScripts() },
	}
	show := &cobra.Command{
		Use:     "show NAME",
		Short:   "Print a script, to be copied and changed.",
		Example: "  phlb scripts show backup >documents.star",
		Args:    arguments(1, "phlb scripts show NAME"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, noFile
			}
			return completeNamed(typed), noFile
		},
		RunE: func(_ *cobra.Command, args []string) error {
			n, err := findNamed(stem(args[0]), scriptEnding)
			if errors.Is(err, fs.ErrNotExist) {
				return unknownScript(args[0])
			}
			if err != nil {
				return err
			}
			source, err := n.source()
			if err != nil {
				return unread(err)
			}
			c.info("from %s", n.from())
			return c.writeText(string(source))
		},
	}
	all := &cobra.Command{
		Use:   "scripts",
		Short: "List the scripts that phlb exec finds by their names, or print one.",
		Long: "List the scripts that phlb exec finds by their names, or print one: those in the\n" +
			"folder phlb/scripts of your configuration, then those in " + filepath.Join(systemConfig, "phlb", "scripts") + ", then\n" +
			"those that come with phlb. The first of a name is the one that is run.",
		Args: arguments(0, "phlb scripts [list | show NAME | api]"),
		RunE: list.RunE,
	}
	all.AddCommand(list, show, c.api())
	return all
}

func (c *command) listScripts() error {
	type script struct {
		Name string `json:"name"`
		From string `json:"from"` // "phlb", or the path of the file
		Doc  string `json:"doc"`
	}
	var all []script
	for _, n := range allNamed(scriptEnding) {
		source, err := n.source()
		if err != nil {
			c.warn("warning: %v", err)
			continue
		}
		all = append(all, script{n.name, n.from(), scripts.Doc(source)})
	}
	if c.json {
		return json.NewEncoder(c.out()).Encode(all)
	}
	t := show.Table{Columns: []show.Column{{Title: "NAME"}, {Title: "WHAT IT DOES"}, {Title: "FROM"}}}
	for _, s := range all {
		t.Add(s.Name, s.Doc, s.From)
	}
	return c.writeTable(&t)
}
