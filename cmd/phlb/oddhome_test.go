package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// oddNames are names of files that most programs of Windows cannot get at, and
// others that are long, or folded where the system does so.
var oddNames = []string{
	"CON", "aux.txt", "nul", "com1.log", "PRN.tar.gz", "point.", "two..", "space ", "...x", "Ünï", "STRASSE", "Straße", "e\u0301", "é",
	strings.Repeat("n", 200),
}

// oddhome DIR makes a home of such names, in folders of such names, in a path that
// is longer than Windows has them. It has the same number of files everywhere.
func oddhome(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oddhome DIR")
	}
	ts.Check(os.Mkdir(ts.MkAbs(args[0]), 0o777))
	top, err := store.OpenDir(ts.MkAbs(args[0]))
	ts.Check(err)
	defer top.Close()
	entry := func(kind manifest.Kind) *manifest.Entry {
		e := &manifest.Entry{Kind: kind, Mtime: manifest.Time{Sec: 1577836800}}
		e.Permissions = manifest.Permissions{Mode: 0o755, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
		return e
	}
	write := func(dir *store.Dir, name, text string) {
		f, err := dir.Create(name)
		ts.Check(err)
		_, err = f.Write([]byte(text))
		ts.Check(errors.Join(err, f.Finish(entry(manifest.File)), f.Close()))
	}
	for i, name := range oddNames {
		write(top, name, fmt.Sprintf("content of the name %d", i))
	}
	write(top, "empty", "")
	at := top
	for _, name := range []string{"lpt1", "folder.", strings.Repeat("d", 200), "Application Data", "AUX"} {
		below, err := at.Mkdir(name)
		ts.Check(err)
		defer func() { ts.Check(below.Finish(entry(manifest.Dir))); below.Close() }()
		write(below, "CON", "in "+name)
		write(below, "also.", "content of the name 1") // as another has it
		ts.Check(below.Link(below, "CON", "CON.two"))
		at = below
	}
	// Where there are links, one that is a junction in every home of Windows.
	link := entry(manifest.Symlink)
	link.Target = "lpt1"
	if err := top.Make("Local Settings", link); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		ts.Logf("no link: %v", err)
	}
	empty, err := top.Mkdir("nul.d")
	ts.Check(err)
	ts.Check(empty.Finish(entry(manifest.Dir)))
	empty.Close()
}

// newest opens the newest snapshot in the folder of a backup.
func newest(ts *testscript.TestScript, folder string) *store.Dir {
	dir, err := store.OpenDir(ts.MkAbs(folder))
	ts.Check(err)
	defer dir.Close()
	all, err := dir.List()
	ts.Check(err)
	for _, c := range slices.Backward(all) {
		if c.Kind == manifest.Dir && !strings.Contains(c.Name, ".") {
			tree, err := dir.Open(c.Name)
			ts.Check(err)
			return tree
		}
	}
	ts.Fatalf("no snapshot in %s", folder)
	return nil
}

// oddremove FOLDER NAME removes a file from the newest snapshot in FOLDER.
func oddremove(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: oddremove FOLDER NAME")
	}
	tree := newest(ts, args[0])
	defer tree.Close()
	_, err := tree.Look(args[1])
	ts.Check(err)
	ts.Check(tree.Remove(args[1]))
}

// sametree A B: two directories hold the same, as far as every system keeps it:
// names, kinds, content, times, and what is one file.
func sametree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sametree A B")
	}
	var found [2][]string
	for i, path := range args {
		dir, err := store.OpenDir(ts.MkAbs(path))
		ts.Check(err)
		found[i] = describe(ts, dir, ".", map[[2]uint64]string{})
		dir.Close()
	}
	if !slices.Equal(found[0], found[1]) {
		ts.Fatalf("%s holds\n%s\nand %s\n%s", args[0], strings.Join(found[0], "\n"), args[1], strings.Join(found[1], "\n"))
	}
	if len(found[0]) < len(oddNames) {
		ts.Fatalf("only %q was compared", found[0])
	}
}

func describe(ts *testscript.TestScript, dir *store.Dir, path string, first map[[2]uint64]string) (lines []string) {
	all, err := dir.List()
	ts.Check(err)
	for _, c := range all {
		i, err := dir.Look(c.Name)
		ts.Check(err)
		at := path + "/" + c.Name
		line := fmt.Sprintf("%q is a %v of %d", at, c.Kind, i.Mtime.Sec)
		switch c.Kind {
		case manifest.File:
			f, err := dir.Read(c.Name)
			ts.Check(err)
			text, err := io.ReadAll(f)
			ts.Check(errors.Join(err, f.Close()))
			line += fmt.Sprintf(", %q", text)
			key := [2]uint64{i.Dev, i.Ino}
			if first[key] == "" {
				first[key] = at
			}
			line += ", first " + first[key]
		case manifest.Symlink:
			to, err := dir.Readlink(c.Name)
			ts.Check(err)
			line = fmt.Sprintf("%q leads to %q", at, to)
		case manifest.Dir:
			below, err := dir.Open(c.Name)
			ts.Check(err)
			lines = append(lines, describe(ts, below, at, first)...)
			below.Close()
		}
		lines = append(lines, line)
	}
	return lines
}
