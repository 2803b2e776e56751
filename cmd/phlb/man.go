package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"phlb/engine/publish"
)

func (c *command) man() *cobra.Command {
	cmd := &cobra.Command{
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
				if err := publish.WriteFile(path, []byte(p.content), 0o666); err != nil {
					return err
				}
			}
			return c.writePaths(paths)
		},
	}
	c.before[cmd] = func(ctx context.Context, _ []string) error {
		c.peek = true
		for _, other := range cmd.Root().Commands() {
			if other.Annotations[stock] != "" {
				if err := c.become(ctx, other, library(other.Name())); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return cmd
}

// page is a file of the manual.
type page struct {
	name    string
	content string
}

// pages returns the manual, the page of phlb itself first.
func (c *command) pages(root *cobra.Command) ([]page, error) {
	var pages []page
	var add func(cmd *cobra.Command)
	add = func(cmd *cobra.Command) {
		pages = append(pages, c.commandPage(cmd))
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				add(sub)
			}
		}
	}
	root.InitDefaultHelpCmd()
	add(root)
	api, err := c.apiPage()
	return append(pages, api), err
}

// commandPage is the page of a command.
func (c *command) commandPage(cmd *cobra.Command) page {
	cmd.InitDefaultHelpFlag()
	name := pageOf(cmd)
	r := newRoff(name, "1", c.now)
	r.heading("NAME")
	fmt.Fprintf(r, "%s \\- %s\n", roffText(name), roffText(cmd.Short))
	r.heading("SYNOPSIS")
	fmt.Fprintf(r, "\\fB%s\\fP\n", roffText(cmd.UseLine()))
	r.heading("DESCRIPTION")
	r.text(cmp.Or(cmd.Long, cmd.Short))
	for _, flags := range []struct {
		heading string
		set     *pflag.FlagSet
	}{
		{"OPTIONS", cmd.NonInheritedFlags()},
		{"OPTIONS INHERITED FROM PARENT COMMANDS", cmd.InheritedFlags()},
	} {
		if flags.set.HasAvailableFlags() {
			r.heading(flags.heading)
			flags.set.VisitAll(r.flag)
		}
	}
	if cmd.Example != "" {
		r.heading("EXAMPLE")
		r.example(cmd.Example)
	}
	if !cmd.HasParent() {
		r.heading("EXIT STATUS")
		for _, e := range exitCodes {
			r.item(strconv.Itoa(e.code), e.doc)
		}
	}
	var also []string
	if cmd.HasParent() {
		also = append(also, pageOf(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			also = append(also, pageOf(sub))
		}
	}
	r.refer("1", also...)
	return page{name + ".1", r.String()}
}

func pageOf(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// flag adds a flag: how it is written, its default if there is one, what it is for.
func (r *roff) flag(f *pflag.Flag) {
	if f.Hidden || f.Deprecated != "" {
		return
	}
	term := "--" + f.Name
	if f.Shorthand != "" {
		term = "-" + f.Shorthand + ", " + term
	}
	kind, usage := pflag.UnquoteUsage(f)
	if kind != "" {
		term += " " + kind
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
		usage += " (default " + f.DefValue + ")"
	}
	r.item(term, usage)
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
	{6, "sealed, but a check that is to fail has not found what was expected: nothing of that name was removed"},
	{130, "interrupted"},
}

// apiPage is the page of the script API.
func (c *command) apiPage() (page, error) {
	owners, err := c.owners()
	if err != nil {
		return page{}, err
	}
	r := newRoff("phlb-starlark", "7", c.now)
	r.heading("NAME")
	r.WriteString("phlb\\-starlark \\- what scripts of phlb can use\n")
	r.heading("DESCRIPTION")
	r.text("Scripts are written in Starlark, which reads like Python. The parameters of\n" +
		"main are the flags and arguments of the script, its docstring is the help.\n" +
		"Functions with a star change something: they are refused while a module is being\n" +
		"loaded, and only planned with --dry-run. A module that lies outside of the script's\n" +
		"folder has none of phlb's own functions but those it is handed: it takes them as\n" +
		"parameters, by their names, and the script says which it hands over:\n\n" +
		"  def nightly(tree, *, link, verify):\n      return verify(link(tree))\n\n" +
		"is called by nightly(scan(\"~\"), link = link, verify = verify).")
	for _, o := range owners {
		dot := ""
		switch {
		case o.Name == "":
			r.heading("FUNCTIONS")
		case o.Module:
			r.heading("MODULE " + strings.ToUpper(o.Name))
		default:
			r.heading(strings.ToUpper(o.Name))
			dot = "."
		}
		for _, a := range o.Attributes {
			r.item(dot+a.Name, a.Doc)
		}
		for _, f := range o.Functions {
			star := ""
			if f.Effect {
				star = " *"
			}
			r.item(dot+f.Signature+star, f.Doc)
		}
	}
	r.refer("1", "phlb-exec", "phlb-scripts")
	return page{"phlb-starlark.7", r.String()}, nil
}
