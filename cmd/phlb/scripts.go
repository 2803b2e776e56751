package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/runtime"
	"phlb/scripts"
)

func (c *command) scripts() *cobra.Command {
	list := &cobra.Command{
		Use:   "list",
		Short: "List the scripts that come with phlb.",
		Args:  arguments(0, "phlb scripts list"),
		RunE:  func(*cobra.Command, []string) error { return c.listScripts() },
	}
	show := &cobra.Command{
		Use:     "show NAME",
		Short:   "Print a script, to be copied and changed.",
		Example: "  phlb scripts show backup >documents.star",
		Args:    arguments(1, "phlb scripts show NAME"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return scripts.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			name := stem(args[0])
			source, err := scripts.FS.ReadFile(name + ".star")
			if err != nil {
				if near := runtime.Nearest(name, scripts.Names()); near != "" {
					return usagef("no script %s: did you mean %s?", name, near)
				}
				return usagef("no script %s: phlb scripts lists those there are", name)
			}
			return c.writeText(string(source))
		},
	}
	all := &cobra.Command{
		Use:   "scripts",
		Short: "List the scripts that come with phlb, or print one.",
		Args:  arguments(0, "phlb scripts [list | show NAME | api]"),
		RunE:  list.RunE,
	}
	all.AddCommand(list, show, c.api())
	return all
}

func (c *command) listScripts() error {
	type script struct {
		Name string `json:"name"`
		Doc  string `json:"doc"`
	}
	var all []script
	for _, name := range scripts.Names() {
		all = append(all, script{name, scripts.Doc(name)})
	}
	if c.json {
		return json.NewEncoder(c.out()).Encode(all)
	}
	t := show.Table{Columns: []show.Column{{Title: "NAME"}, {Title: "WHAT IT DOES"}}}
	for _, s := range all {
		t.Add(s.Name, s.Doc)
	}
	return c.writeTable(&t)
}
