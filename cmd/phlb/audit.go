package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/builtins"
	"phlb/cmd/phlb/show"
	"phlb/runtime"
)

func (c *command) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit [FILE.star]",
		Short: "Show what a script and its modules can do, without running them.",
		Long: "Show for a script and each file that it loads which effects it can reach, and by\n" +
			"which way: where it starts, what that calls, and where. Nothing is run. What a file\n" +
			"mentions where running it may lead counts as called, so a script does no more\n" +
			"than this. Without a FILE, it is each file of each module that phlb.toml declares.\n\n" +
			"MAY says whether the call would be permitted, with the flags that stand here: a\n" +
			"script of yours has all effects, one of a module those that it is granted. handed\n" +
			"is what another file hands over, if handed what a function has a parameter for,\n" +
			"and undefined what a file outside of the script's folder does not have.",
		Example:           "  phlb mod audit documents.star\n  phlb mod audit @acme//nightly.star --allow-read --allow-link",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeScript,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.auditModules(cmd.Context())
			}
			c.peek = true
			name, err := c.locate(args[0])
			if err != nil {
				return err
			}
			return c.auditScripts(cmd.Context(), name)
		},
	}
	c.grantFlags(cmd.Flags())
	return cmd
}

// auditModules audits each file of each module.
func (c *command) auditModules(ctx context.Context) error {
	_, host, err := c.auditor("")
	if err != nil {
		return err
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(host.Modules)) {
		m := host.Modules[name]
		if m.Origin == "" {
			continue // it comes with phlb
		}
		err := fs.WalkDir(m.Files, ".", func(path string, d fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".star") && !strings.HasSuffix(path, "_test.star") {
				names = append(names, "@"+name+"//"+path)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read the module %s: %w", name, err)
		}
	}
	if len(names) == 0 {
		return usagef("which script? No modules are declared here: phlb mod audit FILE.star")
	}
	return c.auditScripts(ctx, names...)
}

// auditor returns what an audit of a script needs: what it is given, and what the
// user's own may do.
func (c *command) auditor(name string) (*builtins.Session, *runtime.Host, error) {
	e, err := c.engine(false)
	if err != nil {
		return nil, nil, err
	}
	defer e.Close() // of which only the settings are asked
	s := c.newSession(e)
	host, err := c.newHost(e, name)
	if err != nil {
		return nil, nil, err
	}
	host.Names, host.Docs = s.Names(), s.Tables()
	return s, host, nil
}

// A reach is one line of an audit.
type reach struct {
	File   string         `json:"file"`
	Effect string         `json:"effect"` // the function
	Kind   string         `json:"kind"`   // what permits it
	What   string         `json:"what,omitempty"`
	How    runtime.How    `json:"how"`
	May    string         `json:"may"` // yes, no, planned in a sandbox, or depends; "" where that is for whoever hands it over
	Why    string         `json:"why,omitempty"`
	Path   []runtime.Step `json:"-"`
	Way    []string       `json:"path"`
}

// auditScripts audits scripts, each with what it may do.
func (c *command) auditScripts(ctx context.Context, names ...string) error {
	var all []reach
	for _, name := range names {
		s, host, err := c.auditor(name)
		if err != nil {
			return err
		}
		c.grant(s, host, name)
		s.Names() // with the programs that were granted
		audits, err := host.Audit(ctx, name)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return unread(err)
		}
		for _, audit := range audits {
			if len(audit.Reach) == 0 && !slices.ContainsFunc(all, func(r reach) bool { return r.File == audit.File }) {
				all = append(all, reach{File: audit.File, Way: []string{}})
			}
			for _, r := range audit.Reach {
				line := reach{File: audit.File, Effect: r.Name, Kind: r.Kind, What: r.What, How: r.How, Path: r.Path}
				for _, step := range r.Path {
					line.Way = append(line.Way, step.String())
				}
				if r.How == runtime.Calls {
					line.May, line.Why = may(s.Permits(r.Name, r.Kind, r.What))
					if s.Sandbox && line.May == "yes" {
						line.May = "planned"
					}
				}
				if !slices.ContainsFunc(all, func(x reach) bool { return x.same(line) }) {
					all = append(all, line)
				}
			}
		}
	}
	if c.json {
		return c.writeJSON(all)
	}
	return c.showReaches(all)
}

// same reports whether two lines differ in nothing but the way.
func (r reach) same(x reach) bool {
	return r.File == x.File && r.Effect == x.Effect && r.What == x.What && r.How == x.How && r.May == x.May
}

func may(err error) (may, why string) {
	switch {
	case err == nil:
		return "yes", ""
	case errors.Is(err, builtins.ErrUnknown):
		return "depends", err.Error()
	}
	return "no", err.Error()
}

// showReaches writes lines as a table, and says below what would permit what is not.
func (c *command) showReaches(all []reach) error {
	t := show.Table{Columns: []show.Column{{Title: "FILE"}, {Title: "EFFECT"}, {Title: "MAY"}, {Title: "BY"}}}
	var refused []string
	for _, r := range all {
		effect, allowed := r.Effect, r.May
		if r.What != "" {
			effect += " " + show.Printable(r.What)
		}
		switch r.How {
		case "":
			effect = "none"
		case runtime.Handed:
			allowed = "handed"
		case runtime.Takes:
			allowed = "if handed"
		case runtime.Refused:
			allowed = "undefined"
		}
		if r.May == "no" && !slices.Contains(refused, r.Why) {
			refused = append(refused, r.Why)
		}
		t.Add(show.Printable(r.File), effect, allowed, show.Printable(way(r.File, r.Path)))
	}
	if err := c.writeTable(&t); err != nil {
		return err
	}
	for _, why := range refused {
		c.info("%s", why)
	}
	return nil
}

// way writes a path: "main:3 > nightly:5 > link:6", with the file where a step stands
// in another one than the line is about.
func way(file string, path []runtime.Step) string {
	var steps []string
	const ends = 6
	for i, s := range path {
		if left := len(path) - 2*ends; left > 1 && i >= ends && i < ends+left {
			if i == ends {
				steps = append(steps, fmt.Sprintf("… %d more …", left))
			}
			continue
		}
		at := fmt.Sprintf("%s:%d", s.Name, s.Pos.Line)
		if s.Pos.Filename() != file {
			at = fmt.Sprintf("%s (%s:%d)", s.Name, s.Pos.Filename(), s.Pos.Line)
		}
		steps = append(steps, at)
	}
	return strings.Join(steps, " > ")
}
