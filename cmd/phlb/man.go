package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"
)

func (c *command) man() *cobra.Command {
	return &cobra.Command{
		Use:   "man [DIR]",
		Short: "Write the manual pages.",
		Long: "Write the manual pages into the folder DIR, which is made if it is missing: one of\n" +
			"each command in man1, one of the script API in man7. Without DIR, the page of\n" +
			"phlb itself goes to stdout.",
		Example: "  phlb man ~/.local/share/man\n  phlb man | man -l -",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			pages, err := c.pages(cmd.Root())
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return c.writeText(pages[0].content)
			}
			var paths []string
			for _, p := range pages {
				path := filepath.Join(args[0], "man"+filepath.Ext(p.name)[1:], p.name)
				paths = append(paths, path)
				if c.dryRun {
					continue
				}
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					return err
				}
				if err := maybe.WriteFile(path, []byte(p.content), 0o666); err != nil {
					return err
				}
			}
			return c.writePaths(paths)
		},
	}
}

// page is one of the manual.
type page struct{ name, content string }

// pages returns the manual, the page of phlb itself first.
func (c *command) pages(root *cobra.Command) ([]page, error) {
	commands := []*cobra.Command{root}
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() && cmd.Name() != "help" {
			commands = append(commands, cmd)
		}
	}
	var pages []page
	for _, cmd := range commands {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		p := newRoff(name, 1, cmd.Short)
		p.help(c.helpOf(cmd))
		for _, sub := range cmd.Commands() {
			if cmd != root && sub.IsAvailableCommand() {
				p.section(sub.CommandPath())
				p.help(c.helpOf(sub))
			}
		}
		if cmd == root {
			p.section("Exit status")
			for _, e := range exitCodes {
				p.item(fmt.Sprint(e.code), e.doc)
			}
			p.section("See also")
			for _, other := range commands[1:] {
				p.reference("phlb-"+other.Name(), 1)
			}
			p.reference("phlb-starlark", 7)
		} else {
			p.section("See also")
			p.reference("phlb", 1)
			p.reference("phlb-starlark", 7)
		}
		pages = append(pages, page{name + ".1", p.String()})
	}
	owners, err := c.owners()
	if err != nil {
		return nil, err
	}
	p := newRoff("phlb-starlark", 7, "what scripts of phlb can use")
	p.section("Description")
	p.text("Scripts are written in Starlark, which reads like Python. The parameters of\n" +
		"main are the flags and arguments of the script, its docstring is the help.\n" +
		"Functions with a star change something: they are refused while a module is being\n" +
		"loaded, and only planned with --dry-run. A module that lies outside of the script's\n" +
		"folder has none of phlb's own functions but those it is handed.")
	for _, o := range owners {
		switch {
		case o.Name == "":
			p.section("Functions")
		case o.Module:
			p.section("Module " + o.Name)
		default:
			p.section(o.Name)
		}
		for _, a := range o.Attributes {
			p.item("."+a.Name, a.Doc)
		}
		for _, f := range o.Functions {
			term := f.Signature
			if o.Name != "" && !o.Module {
				term = "." + term
			}
			if f.Effect {
				term += " *"
			}
			p.item(term, f.Doc)
		}
	}
	p.section("See also")
	p.reference("phlb-exec", 1)
	p.reference("phlb-scripts", 1)
	return append(pages, page{"phlb-starlark.7", p.String()}), nil
}

// exitCodes are the exit codes, as exitCode gives them.
var exitCodes = []struct {
	code int
	doc  string
}{
	{0, "all well"},
	{1, "failed, nothing was sealed"},
	{2, "the command line is wrong, or a script has a mistake in it"},
	{3, "sealed, but some of the source could not be read"},
	{4, "damage was found"},
	{5, "the newest complete snapshot is too old"},
	{130, "interrupted"},
}

// helpOf returns what --help says.
func (c *command) helpOf(cmd *cobra.Command) string {
	var b bytes.Buffer
	stdout := c.stdout
	c.stdout = &b
	cmd.Root().SetOut(&b)
	cmd.SetContext(cmd.Root().Context())
	cmd.InitDefaultHelpFlag()
	cmd.Help() // to a buffer, which does not fail
	c.stdout = stdout
	cmd.Root().SetOut(c.out())
	return b.String()
}
