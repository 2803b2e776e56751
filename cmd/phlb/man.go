package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
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
				return c.writeText(string(pages[0].content))
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
				if err := maybe.WriteFile(path, p.content, 0o666); err != nil {
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

// page is one of the manual.
type page struct {
	name    string
	content []byte
}

// pages returns the manual, the page of phlb itself first.
func (c *command) pages(root *cobra.Command) ([]page, error) {
	var pages []page
	var add func(cmd *cobra.Command) error
	add = func(cmd *cobra.Command) error {
		// What a page is made of is Markdown.
		cmd.Use, cmd.Long, cmd.DisableAutoGenTag = markdown.Replace(cmd.Use), paragraphs(cmd.Long), true
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) { f.Usage = markdown.Replace(f.Usage) })
		var b bytes.Buffer
		if err := doc.GenMan(cmd, &doc.GenManHeader{Source: "phlb " + version, Manual: "phlb manual", Date: &c.now}, &b); err != nil {
			return err
		}
		if cmd == root {
			b.Write(md2man.Render([]byte(exitStatus())))
		}
		pages = append(pages, page{strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1", b.Bytes()})
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				if err := add(sub); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := add(root); err != nil {
		return nil, err
	}
	api, err := c.apiPage()
	return append(pages, page{"phlb-starlark.7", md2man.Render([]byte(api))}), err
}

// markdown escapes what Markdown takes for its own.
var markdown = strings.NewReplacer(`<`, `\<`, `*`, `\*`, `_`, `\_`, "`", "\\`", `[`, `\[`)

// paragraphs makes Markdown of a text in which what is indented stays as it is.
func paragraphs(text string) string {
	var all []string
	for part := range strings.SplitSeq(text, "\n\n") {
		lead, indented, _ := strings.Cut("\n"+part, "\n  ")
		lead = markdown.Replace(strings.TrimPrefix(lead, "\n"))
		if indented != "" {
			lead += "\n\n```\n  " + indented + "\n```"
		}
		all = append(all, lead)
	}
	return strings.Join(all, "\n\n")
}

func exitStatus() string {
	text := "# EXIT STATUS\n"
	for _, e := range exitCodes {
		text += fmt.Sprintf("**%d**\n\t%s\n\n", e.code, markdown.Replace(e.doc))
	}
	return text
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
func (c *command) apiPage() (string, error) {
	owners, err := c.owners()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%% \"PHLB-STARLARK\" \"7\" %q \"phlb %s\" \"phlb manual\"\n", c.now.Format("Jan 2006"), version)
	b.WriteString("# NAME\nphlb-starlark \\- what scripts of phlb can use\n\n# DESCRIPTION\n" +
		"Scripts are written in Starlark, which reads like Python. The parameters of\n" +
		"main are the flags and arguments of the script, its docstring is the help.\n" +
		"Functions with a star change something: they are refused while a module is being\n" +
		"loaded, and only planned with --dry-run. A module that lies outside of the script's\n" +
		"folder has none of phlb's own functions but those it is handed: it takes them as\n" +
		"parameters, by their names, and the script says which it hands over:\n\n" +
		"```\ndef nightly(tree, *, link, verify):\n    return verify(link(tree))\n```\n\n" +
		"is called by **nightly(scan(\"~\"), link = link, verify = verify)**.\n\n")
	item := func(term, about string) {
		fmt.Fprintf(&b, "**%s**\n\t%s\n\n", markdown.Replace(term), markdown.Replace(about))
	}
	for _, o := range owners {
		dot := ""
		switch {
		case o.Name == "":
			b.WriteString("# FUNCTIONS\n")
		case o.Module:
			b.WriteString("# MODULE " + strings.ToUpper(o.Name) + "\n")
		default:
			b.WriteString("# " + strings.ToUpper(o.Name) + "\n")
			dot = "."
		}
		for _, a := range o.Attributes {
			item("."+a.Name, a.Doc)
		}
		for _, f := range o.Functions {
			star := ""
			if f.Effect {
				star = " *"
			}
			item(dot+f.Signature+star, f.Doc)
		}
	}
	b.WriteString("# SEE ALSO\n**phlb-exec(1)**, **phlb-scripts(1)**\n")
	return b.String(), nil
}
