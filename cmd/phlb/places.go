package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine/config"
	"phlb/runtime"
	"phlb/runtime/spelling"
	"phlb/scripts"
)

// Scripts and questions are called by their names where they lie in the user's
// folder of scripts, in that of the system, or in phlb itself. The first that has
// one of a name is meant.

// The endings of what is called by its name.
const (
	scriptEnding   = ".star"
	questionEnding = ".sql"
)

// systemConfig is the folder of the configuration of the machine: /etc, or what
// the system has in its place.
var systemConfig = func() string {
	if goruntime.GOOS == "windows" {
		return os.Getenv("ProgramData")
	}
	return "/etc"
}()

// shelves are the folders of scripts, in the order in which they are looked into.
func shelves() (dirs []string) {
	for _, dir := range []string{userConfig(), systemConfig} {
		if dir != "" {
			dirs = append(dirs, filepath.Join(dir, "phlb", "scripts"))
		}
	}
	return dirs
}

// A named script, or question, is one that is called by its name.
type named struct {
	name   string
	ending string
	path   string // "" of one of phlb's own
}

// String says what is run.
func (n named) String() string {
	if n.path == "" {
		return "the stock policy " + n.name
	}
	return n.path
}

// from says where it comes from.
func (n named) from() string {
	if n.path == "" {
		return "phlb"
	}
	return n.path
}

// library returns the name by which a host loads it.
func (n named) library() string {
	if n.path == "" {
		return library(n.name)
	}
	return n.path
}

// source returns the text.
func (n named) source() ([]byte, error) {
	if n.path == "" {
		return scripts.FS.ReadFile(n.name + n.ending)
	}
	return runtime.ReadRegular(n.path)
}

// allNamed lists what can be called by its name, sorted, of an ending. One that is
// hidden by another of its name is not among them, nor is one that would not be
// run.
func allNamed(ending string) (all []named) {
	taken := map[string]bool{}
	add := func(n named) {
		if !taken[n.name] {
			taken[n.name] = true
			all = append(all, n)
		}
	}
	for _, dir := range shelves() {
		for _, name := range stems(dir, ending) {
			if n, err := shelved(dir, name, ending); err == nil {
				add(n)
			}
		}
	}
	stock := scripts.Names
	if ending == questionEnding {
		stock = scripts.Questions
	}
	for _, name := range stock() {
		add(named{name: name, ending: ending})
	}
	slices.SortFunc(all, func(a, b named) int { return cmp.Compare(a.name, b.name) })
	return all
}

// findNamed returns the script, or question, of that name, and an [fs.ErrNotExist]
// if there is none.
func findNamed(name, ending string) (named, error) {
	for _, dir := range shelves() {
		if n, err := shelved(dir, name, ending); !errors.Is(err, fs.ErrNotExist) {
			return n, err
		}
	}
	if _, err := fs.Stat(scripts.FS, name+ending); err != nil {
		return named{}, err
	}
	return named{name: name, ending: ending}, nil
}

// shelved returns what lies in a folder of scripts. In the folder of the
// system, others may have put it there.
func shelved(dir, name, ending string) (named, error) {
	n := named{name, ending, filepath.Join(dir, name+ending)}
	info, err := os.Stat(n.path)
	if err != nil {
		return n, err
	}
	if info.IsDir() {
		return n, fs.ErrNotExist
	}
	if dir == filepath.Join(systemConfig, "phlb", "scripts") {
		folder, err := os.Stat(dir)
		if err != nil {
			return n, err
		}
		switch {
		case config.OfOthers(dir, folder):
			return n, usagef("%s is not run, since others may write to %s: chown root and chmod go-w the folder", n.path, dir)
		case config.OfOthers(n.path, info):
			return n, usagef("%s is not run, since others may write to it: chown root and chmod go-w the file", n.path)
		}
	}
	return n, nil
}

// unknownScript says that there is no script of a name, and which may be meant: a
// file here, or one that is called by its name.
func unknownScript(name string) error {
	near := nearestFile(name)
	if near == "" {
		var names []string
		for _, n := range allNamed(scriptEnding) {
			names = append(names, n.name)
		}
		near = spelling.Nearest(stem(name), names)
	}
	if near != "" {
		return usagef("no script %s: did you mean %s?", name, near)
	}
	return usagef("no script %s: neither here, nor in %s, nor among those of phlb scripts", name, strings.Join(shelves(), " or "))
}

// completeNamed lists the scripts whose names begin like what was typed, each with
// where it comes from.
func completeNamed(typed string) (found []string) {
	for _, n := range allNamed(scriptEnding) {
		if strings.HasPrefix(n.name, typed) && show.Printable(n.name) == n.name { // what shells get is lines
			found = append(found, cobra.CompletionWithDesc(n.name, show.Printable(n.from())))
		}
	}
	return found
}
