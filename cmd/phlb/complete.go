package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine/config"
	"phlb/engine/store"
	"phlb/runtime"
)

// Completion says nothing where something is wrong, and writes nothing
// anywhere: names and snapshots are read off the folders under the root.

const (
	noFile  = cobra.ShellCompDirectiveNoFileComp
	anyFile = cobra.ShellCompDirectiveDefault
)

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

// completeScript completes the name of a script: a file, or one that is called by
// its name.
func (c *command) completeScript(_ *cobra.Command, args []string, typed string) (found []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, anyFile
	}
	if strings.HasPrefix(typed, "@") {
		return c.completeOfModules(typed)
	}
	folder, prefix := filepath.Split(typed)
	here := folder
	if here == "" {
		here = "."
		found = completeNamed(prefix)
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

// completeArgument completes what follows the positional arguments of a script
// that stand there already.
func (c *command) completeArgument(cmd *cobra.Command, params []runtime.Param, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	left := len(args)
	for i, p := range params {
		flag := cmd.Flags().Lookup(strings.TrimPrefix(p.Flag(), "--"))
		switch {
		case p.Named, p.Kind == runtime.Fixed, flag != nil && flag.Changed:
		case left == 0, p.Rest, p.Kind == runtime.List:
			return c.completeValue(&params[i], typed)
		default:
			left--
		}
	}
	return nil, noFile
}

// choices are the values of parameters that have few.
var choices = map[string][]string{
	"match":     {"permissions", "content", "exact"},
	"overwrite": {"never", "newer", "always"},
	"by":        {"bytes", "size", "versions", "copies", "folders"},
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
