package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"phlb/cmd/phlb/mod"
	"phlb/cmd/phlb/show"
	"phlb/engine/config"
	"phlb/runtime"
)

// mod is about the modules that scripts load.
func (c *command) mod() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mod",
		Short: "Fetch, pin and look at the modules that scripts load.",
		Long: "Scripts load files of modules by load(\"@NAME//FILE.star\", …). The phlb.toml that is\n" +
			"nearest to the script declares them:\n\n" +
			"  [modules]\n" +
			"  acme = { git = \"https://git.example.org/policies.git\", version = \"v1.4.0\" }\n" +
			"  corp = { oci = \"registry.example.org/backup/policies\", version = \"2.1.0\" }\n" +
			"  lab = { path = \"../lab-policies\" }\n\n" +
			"phlb.lock beside it pins each to the byte, and only what it pins is run. Keep both\n" +
			"together. The network is used by get, add, update and publish alone. Git needs\n" +
			"https, ssh or a file; http and git:// lead to this machine alone.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
					return usagef("unknown command %q: did you mean phlb mod %s?", args[0], strings.Join(near, " or "))
				}
			}
			return usagef("usage: phlb mod add | get | update | vendor | verify | list | why | remove | publish | init | audit")
		},
		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(c.modAdd(), c.modGet(), c.modUpdate(), c.modVendor(), c.modVerify(), c.modList(), c.modWhy(), c.modRemove(), c.modPublish(), c.modInit(), c.audit())
	return cmd
}

func (c *command) plainHTTPFlag(flags *pflag.FlagSet) {
	flags.BoolVar(&c.plainHTTP, "plain-http", false, "speak HTTP to a registry on this machine")
}

// modules is the cache of modules.
func (c *command) modules() (*mod.Cache, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("there is no folder for modules: %w", err)
	}
	return &mod.Cache{Dir: filepath.Join(dir, "phlb"), Environ: os.Environ(), PlainHTTP: c.plainHTTP}, nil
}

// changing calls f with the project of the phlb.toml in effect, which no other phlb
// changes meanwhile.
func (c *command) changing(ctx context.Context, f func(*mod.Project) error) error {
	sources, err := c.sources()
	if err != nil {
		return err
	}
	path, err := config.Find(sources)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if path == "" {
		return usagef("there is no %s here, nor above, nor in your configuration: phlb config makes one, and phlb mod init one for policies to share", config.FileName)
	}
	cache, err := c.modules()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	release, err := cache.Exclusive(ctx, dir)
	if err != nil {
		return err
	}
	defer release()
	settings, err := config.Load(sources)
	if err != nil {
		return err
	}
	p, err := mod.Open(dir, settings.Modules, cache)
	if err != nil {
		return err
	}
	p.Dry = c.dryRun
	if err = f(p); errors.Is(err, mod.ErrUnknown) {
		return usage(err)
	}
	if err == nil && settings.Trusted {
		_, err = config.Load(sources) // says that what the file permits does not count any more
	}
	return err
}

// changed says what was pinned.
func (c *command) changed(p *mod.Project, changes []mod.Change) error {
	if c.json {
		if changes == nil {
			changes = []mod.Change{}
		}
		return c.writeJSON(changes)
	}
	would := ""
	if c.dryRun {
		would = "would have "
	}
	for _, change := range changes {
		was := ""
		if change.Was != nil {
			was = ", before " + versionOf(*change.Was)
		}
		c.info("%spinned %s: %s, %s…%s", would, change.Name, change.Pin.Origin(), change.Pin.Hash[:19], was)
	}
	if len(changes) == 0 {
		c.info("nothing to do: %s pins what is declared, and it is there", mod.LockName)
	}
	if nodes, err := p.Nodes(); err == nil && slices.ContainsFunc(nodes, func(n *mod.Node) bool { return n.Where == mod.VendorName && n.Err != nil }) {
		c.warn("%s has other copies than %s pins now: phlb mod vendor", filepath.Join(p.Dir, mod.VendorName), mod.LockName)
	}
	return nil
}

func versionOf(p mod.Pin) string {
	switch {
	case p.Version != "":
		return p.Version
	case p.Commit != "":
		return p.Commit[:12]
	}
	return string(p.Hash[:19]) + "…"
}

func (c *command) modAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add NAME SOURCE@VERSION",
		Short: "Declare a module, fetch it and pin it.",
		Long: "Declare a module in phlb.toml, fetch it with what it needs, and pin all of it in\n" +
			"phlb.lock. SOURCE is git:URL, oci:HOST/REPOSITORY or path:FOLDER; a VERSION is a tag\n" +
			"that is a whole semantic version, or of git a commit in full. A folder has none.",
		Example: "  phlb mod add acme git:https://git.example.org/policies.git@v1.4.0\n" +
			"  phlb mod add corp oci:registry.example.org/backup/policies@2.1.0\n" +
			"  phlb mod add lab path:../lab-policies",
		Args:              arguments(2, "phlb mod add NAME SOURCE@VERSION"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := mod.ParseSource(args[1], false)
			if err != nil {
				return usage(err)
			}
			if source.File != "" {
				return usagef("a module is declared as a whole: leave out //%s", source.File)
			}
			if source.Path != "" {
				if source.Path, err = c.folder(source.Path); err != nil {
					return err
				}
			}
			if err := config.CheckModuleName(args[0]); err != nil {
				return usage(err)
			}
			return c.changing(cmd.Context(), func(p *mod.Project) error {
				if before, ok := p.Declared(args[0]); ok && before.Source() != source.Source() {
					return usagef("%s is %s already: phlb mod remove %s first", args[0], before.Source(), args[0])
				}
				changes, err := p.Declare(cmd.Context(), args[0], source.Module)
				if err != nil {
					return err
				}
				return c.changed(p, changes)
			})
		},
	}
	c.plainHTTPFlag(cmd.Flags())
	return cmd
}

// folder makes the path of a folder absolute, which stands on a command line.
func (c *command) folder(path string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home := homeDir(); home != "" {
			path = filepath.Join(home, rest)
		}
	}
	return filepath.Abs(path)
}

func usage(err error) error { return usagef("%v", err) }

func (c *command) modGet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get [SOURCE@VERSION]",
		Short: "Fetch what is declared, and pin what is not pinned.",
		Long: "Fetch the modules that phlb.toml declares, where they are not there already, and\n" +
			"pin in phlb.lock what that does not pin. What is pinned stays as it is: where\n" +
			"something else lies now, that is an error.\n\n" +
			"With a SOURCE it is one that no phlb.toml declares, for phlb exec. The lock in\n" +
			"the folder of your configuration pins it.",
		Example: "  phlb mod get\n  phlb mod get git:https://git.example.org/policies.git@v1.4.0",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.getSource(cmd.Context(), args[0])
			}
			return c.changing(cmd.Context(), func(p *mod.Project) error {
				changes, err := p.Get(cmd.Context())
				if err == nil {
					err = p.Save()
				}
				if err != nil {
					return err
				}
				return c.changed(p, changes)
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.plainHTTPFlag(cmd.Flags())
	return cmd
}

// undeclared returns the lock of the user's configuration, which pins what no
// phlb.toml declares.
func (c *command) undeclared() (*mod.Project, error) {
	dir := userConfig()
	if dir == "" {
		return nil, usagef("there is no folder for the user's configuration, whose %s would pin it: set HOME", mod.LockName)
	}
	cache, err := c.modules()
	if err != nil {
		return nil, err
	}
	p, err := mod.Open(filepath.Join(dir, "phlb"), nil, cache)
	if err == nil {
		p.Dry = c.dryRun
	}
	return p, err
}

func (c *command) getSource(ctx context.Context, text string) error {
	source, err := mod.ParseSource(text, false)
	if err != nil {
		return usage(err)
	}
	if source.Path != "" {
		return usagef("a folder needs no fetching: phlb exec %s/FILE.star", source.Path)
	}
	p, err := c.undeclared()
	if err != nil {
		return err
	}
	release, err := p.Cache.Exclusive(ctx, p.Dir)
	if err != nil {
		return err
	}
	defer release()
	if p, err = c.undeclared(); err != nil { // as it is now
		return err
	}
	changes, err := p.GetSource(ctx, source)
	if err == nil && !c.dryRun {
		err = os.MkdirAll(p.Dir, 0o700)
	}
	if err == nil {
		err = p.Save()
	}
	if err != nil {
		return err
	}
	return c.changed(p, changes)
}

func (c *command) modUpdate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update [NAME[@VERSION]]",
		Short: "Take newer versions of modules, or another one.",
		Long: "Take the newest version of a module, or of all, that has the same first number, and\n" +
			"a folder as it is now. With a VERSION take that one, which may be an older one. A\n" +
			"module that is declared by its commit stays, unless another is named.",
		Example: "  phlb mod update\n  phlb mod update acme\n  phlb mod update acme@v1.3.0",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, version := "", ""
			if len(args) == 1 {
				name, version, _ = strings.Cut(args[0], "@")
			}
			return c.changing(cmd.Context(), func(p *mod.Project) error {
				changes, err := p.Update(cmd.Context(), name, version)
				if err != nil {
					return err
				}
				return c.changed(p, changes)
			})
		},
		ValidArgsFunction: c.completeModules,
	}
	c.plainHTTPFlag(cmd.Flags())
	return cmd
}

func (c *command) modVendor() *cobra.Command {
	return &cobra.Command{
		Use:   "vendor",
		Short: "Copy the modules beside phlb.toml.",
		Long: "Copy all modules into the folder vendor beside phlb.toml, where they win over the\n" +
			"cache: what has to run while networks are down should have them there. Each has\n" +
			"a listing beside it, for sha256sum -c.",
		Args: arguments(0, "phlb mod vendor"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.changing(cmd.Context(), func(p *mod.Project) error {
				names, err := p.Vendor()
				if err != nil {
					return err
				}
				for i, name := range names {
					names[i] = filepath.Join(p.Dir, mod.VendorName, name)
				}
				if len(names) == 0 {
					c.info("no modules are declared in %s", filepath.Join(p.Dir, config.FileName))
					return nil
				}
				return c.writePaths(names)
			})
		},
	}
}

func (c *command) modVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Compare all modules with phlb.lock.",
		Long: "Read every file of every module, wherever it lies, and hold it against phlb.lock.\n" +
			"The hash there is that of the listing that sha256sum makes of all files in the\n" +
			"order of their names; in the folder of a module this makes it again:\n\n" +
			"  find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum",
		Args: arguments(0, "phlb mod verify"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.changing(cmd.Context(), func(p *mod.Project) error {
				if err := p.Verify(); err != nil {
					return err
				}
				nodes, err := p.Nodes()
				if err != nil {
					return err
				}
				if c.json {
					return c.writeJSON(c.listed(nodes))
				}
				c.info("held %s against %s: no differences", english.Plural(len(nodes), "module", ""), filepath.Join(p.Dir, mod.LockName))
				return nil
			})
		},
	}
}

// listedModule is one line of phlb mod list.
type listedModule struct {
	Name  string   `json:"name"`
	Where string   `json:"where"` // vendor, cache, path or missing
	Pin   mod.Pin  `json:"pin"`
	Needs []string `json:"needs"`
	Error string   `json:"error,omitempty"`
}

func (c *command) listed(nodes []*mod.Node) []listedModule {
	all := []listedModule{}
	for _, n := range nodes {
		m := listedModule{Name: n.Name, Where: n.Where, Pin: n.Pin, Needs: slices.Sorted(maps.Values(n.Needs))}
		if m.Needs == nil {
			m.Needs = []string{}
		}
		if n.Err != nil {
			m.Error = n.Err.Error()
			m.Where = "damaged"
			if errors.Is(n.Err, mod.ErrMissing) {
				m.Where = "missing"
			}
		}
		all = append(all, m)
	}
	return all
}

func (c *command) modList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the modules, and where they lie.",
		Long: "List the modules that phlb.toml declares, those that these need, such as acme.util,\n" +
			"and what the lock in the folder of your configuration pins without a declaration.",
		Args: arguments(0, "phlb mod list"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.changing(cmd.Context(), func(p *mod.Project) error {
				nodes, err := p.Nodes()
				if err != nil {
					return err
				}
				if mine, err := c.undeclared(); err == nil && mine.Dir != p.Dir {
					more, err := mine.Nodes()
					if err != nil {
						return err
					}
					nodes = append(nodes, more...)
				}
				all := c.listed(nodes)
				if c.json {
					return c.writeJSON(all)
				}
				t := show.Table{Columns: []show.Column{{Title: "MODULE"}, {Title: "VERSION"}, {Title: "WHERE"}, {Title: "SOURCE"}, {Title: "HASH", Drop: 1}}}
				for _, m := range all {
					at, hash := versionOf(m.Pin), string(m.Pin.Hash)
					if m.Pin.Path != "" {
						at = ""
					}
					origin := m.Pin
					origin.Version, origin.Commit = "", ""
					t.Add(show.Printable(m.Name), at, m.Where, show.Printable(origin.Origin()), hash[:min(19, len(hash))])
				}
				if err := c.writeTable(&t); err != nil {
					return err
				}
				for _, m := range all {
					if m.Error != "" {
						c.warn("%s", m.Error)
					}
				}
				return nil
			})
		},
	}
}

func (c *command) modWhy() *cobra.Command {
	return &cobra.Command{
		Use:   "why NAME",
		Short: "Show why a module is needed, and in which version.",
		Long: "Show each way from phlb.toml to a module, with the version that is wished for at\n" +
			"each step. The highest that is wished for is the one that is taken.",
		Example: "  phlb mod why acme.util",
		Args:    arguments(1, "phlb mod why NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changing(cmd.Context(), func(p *mod.Project) error {
				chains, err := p.Why(args[0])
				if err != nil {
					return err
				}
				if c.json {
					return c.writeJSON(chains)
				}
				for _, chain := range chains {
					fmt.Fprintln(c.out(), strings.Join(chain, " -> "))
				}
				return nil
			})
		},
		ValidArgsFunction: c.completeModules,
	}
}

func (c *command) modRemove() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a module out of phlb.toml and phlb.lock.",
		Long: "Take a module out of phlb.toml, and with what it alone needs out of phlb.lock. What\n" +
			"lies in the cache stays there for others. One that is not declared is removed\n" +
			"by the name that phlb mod list gives.",
		Args: arguments(1, "phlb mod remove NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			remove := func(p *mod.Project) error { return p.Remove(args[0]) }
			if !mod.IsSource(args[0]) {
				return c.changing(cmd.Context(), remove)
			}
			p, err := c.undeclared()
			if err != nil {
				return err
			}
			release, err := p.Cache.Exclusive(cmd.Context(), p.Dir)
			if err != nil {
				return err
			}
			defer release()
			if p, err = c.undeclared(); err != nil { // as it is now
				return err
			}
			return remove(p)
		},
		ValidArgsFunction: c.completeModules,
	}
}

// completeModules completes the names of modules.
func (c *command) completeModules(cmd *cobra.Command, args []string, typed string) (found []string, _ cobra.ShellCompDirective) {
	sources, err := c.sources()
	if err != nil || len(args) > 0 {
		return nil, noFile
	}
	sources.PassedOver = nil
	settings, err := config.Load(sources)
	if err != nil {
		return nil, noFile
	}
	for _, name := range slices.Sorted(maps.Keys(settings.Modules)) {
		if strings.HasPrefix(name, typed) {
			m := settings.Modules[name]
			found = append(found, cobra.CompletionWithDesc(name, show.Printable(strings.TrimSpace(m.Source()+" "+m.At()))))
		}
	}
	return found, noFile
}

// completeOfModules completes the scripts of modules: first @NAME//, then a file.
func (c *command) completeOfModules(typed string) (found []string, _ cobra.ShellCompDirective) {
	host := &runtime.Host{Modules: map[string]*runtime.Module{}}
	if e, err := c.engine(true); err != nil || c.addModules(host, e.Config, "") != nil {
		return nil, noFile
	}
	name, _, inside := strings.Cut(strings.TrimPrefix(typed, "@"), "//")
	for _, module := range slices.Sorted(maps.Keys(host.Modules)) {
		prefix, m := "@"+module+"//", host.Modules[module]
		if !inside || module != name {
			found = append(found, cobra.CompletionWithDesc(prefix, show.Printable(m.Origin)))
			continue
		}
		fs.WalkDir(m.Files, ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, scriptEnding) {
				found = append(found, prefix+path)
			}
			return nil // what cannot be read is not completed
		})
	}
	found = slices.DeleteFunc(found, func(word string) bool { return !strings.HasPrefix(word, typed) })
	if !inside {
		return found, noFile | cobra.ShellCompDirectiveNoSpace
	}
	return found, noFile
}
