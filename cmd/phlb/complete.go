package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine/config"
	"phlb/engine/store"
	"phlb/runtime"
	"phlb/scripts"
)

// Completion says nothing where something is wrong, and writes nothing
// anywhere: names and snapshots are read off the folders under the root.

const (
	noFile  = cobra.ShellCompDirectiveNoFileComp
	anyFile = cobra.ShellCompDirectiveDefault
)

// load loads a script without running it.
func (c *command) load(cmd *cobra.Command, name string) (*runtime.Script, error) {
	e, err := c.engine(true)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	host := &runtime.Host{
		Names: c.newSession(e).Names(), Modules: map[string]fs.FS{"std": scripts.FS},
		Now: c.now.Local(), Flags: flagNames(cmd.Root().PersistentFlags()),
	}
	script, err := host.Load(cmd.Context(), name)
	return script, unread(err)
}

// completeNames completes the names of backups.
func (c *command) completeNames(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFile
	}
	return c.backups(typed, false), noFile
}

// backups returns the names of backups, or their snapshots, that begin like
// what was typed.
func (c *command) backups(typed string, snapshots bool) (found []string) {
	sources, err := c.sources()
	if err != nil {
		return nil
	}
	settings, err := config.Load(sources)
	if err != nil {
		return nil
	}
	root, err := store.Open(settings.BackupPath)
	if err != nil {
		return nil
	}
	defer root.Close()
	names, _ := root.Names()
	add := func(word string) {
		if strings.HasPrefix(word, typed) && show.Printable(word) == word { // what shells get is lines
			found = append(found, word)
		}
	}
	for _, name := range names {
		if !snapshots {
			add(name)
			continue
		}
		folder, _, _ := strings.Cut(typed, "/")
		if !strings.HasPrefix(name, folder) {
			continue
		}
		sealed, _ := root.Sealed(name)
		if len(sealed) > 0 {
			add(name + "/latest")
		}
		for _, ref := range slices.Backward(sealed) {
			add(ref.String())
		}
	}
	return found
}

// completePolicy completes the arguments of a stock policy.
func (c *command) completePolicy(policy string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		return c.completeArguments(cmd, library(policy), args, typed)
	}
}

// completeExec completes a script and its arguments.
func (c *command) completeExec(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	args, waits := c.setGlobals(cmd, args)
	if waits {
		return nil, anyFile
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return c.completeScript(cmd, args, typed)
	}
	quiet := c.quiet
	c.quiet = true
	name, err := c.locate(args[0])
	c.quiet = quiet
	if err != nil {
		return nil, anyFile
	}
	return c.completeArguments(cmd, name, args[1:], typed)
}

// completeScript completes the name of a script: a file, one of the user's, or
// a policy of phlb's own.
func (c *command) completeScript(_ *cobra.Command, args []string, typed string) (found []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, anyFile
	}
	folder, prefix := filepath.Split(typed)
	here := folder
	if here == "" {
		here = "."
		for _, path := range own() {
			found = append(found, stem(path))
		}
		found = append(found, scripts.Names()...)
		found = slices.DeleteFunc(found, func(name string) bool { return !strings.HasPrefix(name, prefix) })
		slices.Sort(found)
		found = slices.Compact(found)
	}
	entries, _ := os.ReadDir(here)
	directive := noFile
	for _, e := range entries {
		name := folder + e.Name()
		switch {
		case !strings.HasPrefix(e.Name(), prefix), strings.HasPrefix(e.Name(), ".") && prefix == "", show.Printable(name) != name:
		case e.IsDir():
			found = append(found, name+"/")
			directive |= cobra.ShellCompDirectiveNoSpace
		case strings.HasSuffix(name, ".star"):
			found = append(found, name)
		}
	}
	return found, directive
}

// own lists the user's scripts.
func own() []string {
	paths, _ := filepath.Glob(filepath.Join(userConfig(), "phlb", "scripts", "*.star")) // fails only for a bad pattern
	return paths
}

// completeArguments completes the flags and arguments of a script, which are
// the parameters of its main.
func (c *command) completeArguments(cmd *cobra.Command, script string, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	args, waits := c.setGlobals(cmd, args)
	if waits {
		return nil, anyFile
	}
	loaded, err := c.load(cmd, script)
	if err != nil {
		return nil, anyFile
	}
	params := loaded.Params
	byFlag := map[string]*runtime.Param{}
	for i, p := range params {
		if p.Kind != runtime.Fixed && !p.Rest {
			byFlag[p.Flag()], byFlag["--"+p.Name] = &params[i], &params[i]
		}
	}
	positional, flagged, ended := 0, map[string]bool{}, false
	for len(args) > 0 {
		name, _, given := strings.Cut(args[0], "=")
		p := byFlag[name]
		n := 1
		switch {
		case ended || args[0] == "-" || !strings.HasPrefix(args[0], "-"):
			positional++
		case args[0] == "--":
			ended = true
		case p != nil:
			flagged[p.Name] = true
			if p.Kind != runtime.Bool && !given {
				n = 2
			}
		}
		if n > len(args) { // its value is what is typed
			return c.completeValue(p, typed)
		}
		args = args[n:]
	}
	if !ended && strings.HasPrefix(typed, "-") {
		return flagsOf(params, typed), noFile // cobra adds the global ones
	}
	for i, p := range params {
		switch {
		case p.Named, p.Kind == runtime.Fixed, flagged[p.Name]:
		case positional == 0, p.Rest, p.Kind == runtime.List:
			return c.completeValue(&params[i], typed)
		default:
			positional--
		}
	}
	return nil, noFile
}

// setGlobals sets the flags of phlb itself, as far as they are right, and
// returns the other arguments. It reports whether the last one of all waits for
// its value.
func (c *command) setGlobals(cmd *cobra.Command, args []string) (rest []string, waits bool) {
	flags := cmd.Root().PersistentFlags()
	if n := len(args); n > 0 && !slices.Contains(args, "--") && length(flags, []string{args[n-1], ""}) == 2 {
		return nil, true
	}
	rest, err := c.globals(cmd, args)
	if err != nil {
		return nil, true // nothing can be told
	}
	return rest, false
}

// choices are the values of parameters that have few.
var choices = map[string][]string{
	"match":     {"permissions", "content", "exact"},
	"overwrite": {"never", "newer", "always"},
}

// completeValue completes the value of a parameter, by what it is called.
func (c *command) completeValue(p *runtime.Param, typed string) ([]string, cobra.ShellCompDirective) {
	if values, ok := choices[p.Name]; ok {
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !strings.HasPrefix(v, typed) }), noFile
	}
	switch p.Name {
	case "name", "names":
		return c.backups(typed, false), noFile
	case "snapshot", "snapshots", "which", "old", "new", "what":
		found := c.backups(typed, true)
		if len(found) == 0 {
			return nil, anyFile // by its path
		}
		return found, noFile
	}
	if p.Kind == runtime.Int || p.Kind == runtime.Float {
		return nil, noFile
	}
	return nil, anyFile
}

// flagsOf lists the flags of a script, with their documentation.
func flagsOf(params []runtime.Param, typed string) (found []string) {
	all := map[string]string{}
	for _, p := range params {
		switch {
		case p.Kind == runtime.Fixed, p.Rest:
		case p.Kind == runtime.Bool && p.Default != nil && bool(p.Default.Truth()):
			all["--no-"+strings.TrimPrefix(p.Flag(), "--")] = p.Doc
		default:
			all[p.Flag()] = p.Doc
		}
	}
	for _, flag := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(flag, typed) {
			found = append(found, flag+"\t"+all[flag])
		}
	}
	return found
}
