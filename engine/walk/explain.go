package walk

import (
	"math"
	"path"
	"slices"
	"strings"

	"phlb/engine/manifest"
)

// Reason says why a path is left out.
type Reason string

const (
	ByRule     Reason = "rule"
	ByMark     Reason = "mark"        // the directory is marked, and the path is not the mark
	BySize     Reason = "max_size"    // the file is larger
	ByWhere    Reason = "where"       // the function has said no
	MountPoint Reason = "mount point" // with OneFileSystem it is taken as an empty directory
	Excluded   Reason = "excluded"    // the directory is one of Exclude
	Remote     Reason = "placeholder" // reading the file would fetch it from a server
	NotDir     Reason = "not a directory"
	Unreadable Reason = "unreadable" // see Warnings
)

// Verdict says whether a walk takes a path, and why.
type Verdict struct {
	Path    string // relative to the root
	Taken   bool
	Missing bool // there is no such path, and the verdict goes by the name alone

	// Reason is "" for a path that is not left out. A directory that is taken may have a
	// reason too: all that it holds is left out.
	Reason Reason
	By     *Rule   // the rule that has decided; nil if none matches
	Over   []*Rule // the rules that match as well and would decide otherwise, the strongest first
	At     string  // the path that Reason or By is about: Path, or a directory around it
	AtDir  bool    // At is a directory
	Size   int64   // of the file
	Limit  int64   // of the sizes of files, 0 if there is none

	// Warnings are about directories around the path that could not be read, and about
	// ignore files and lines of them that are not obeyed.
	Warnings []error
}

// Explain returns whether [Walk.Run] takes a path, which is relative to the root, and why.
// A path that does not exist is taken for a directory if it ends in a slash. Only the
// directories around the path are read.
func (w *Walk) Explain(name string) (*Verdict, error) {
	rules, err := w.compile()
	if err != nil {
		return nil, err
	}
	root, err := w.openRoot(rules)
	if err != nil {
		return nil, err
	}
	v := &Verdict{Path: path.Clean(name), Taken: true, At: ".", AtDir: true, Limit: w.MaxSize}
	l := &lister{walk: w, rules: rules, device: root.Dev, deepest: math.MaxInt}
	var names []string
	if v.Path != "." {
		names = strings.Split(v.Path, "/")
	}
	err = l.explain(v, root, names, strings.HasSuffix(name, "/"))
	v.By = v.By.told()
	for i, r := range v.Over {
		v.Over[i] = r.told()
	}
	return v, err
}

// told returns the rule with its Origin filled in, for people.
func (r *Rule) told() *Rule {
	if r == nil {
		return nil
	}
	told := *r
	told.Origin = r.where()
	return &told
}

// explain follows the names from the folder f, which is taken, and closes f. With asDir
// the last name is taken for a directory if it is missing.
func (l *lister) explain(v *Verdict, f *Folder, names []string, asDir bool) error {
	var list []dirent
	var marked *Rule
	if !v.Missing {
		defer f.Dir.Close()
		b := &Batch{}
		list, marked = l.enter(f, b)
		v.Warnings = append(append(v.Warnings, b.Errors...), b.Warnings...)
	}
	if len(names) == 0 {
		if marked != nil {
			v.Reason, v.By, v.Over, v.At, v.AtDir = ByMark, marked, nil, f.path, true
		}
		return nil
	}
	name, names := names[0], names[1:]
	at, last := f.join(name), len(names) == 0
	if marked != nil && !slices.ContainsFunc(list, func(d dirent) bool { return d.name == name }) {
		v.Taken, v.Reason, v.By, v.Over, v.At, v.AtDir = false, ByMark, marked, nil, f.path, true
		return nil
	}
	isDir := asDir || !last
	if i, found := f.find(name); found {
		isDir = f.list[i].kind == manifest.Dir
	} else {
		v.Missing = true
	}
	against := func(r Reason) {
		v.Taken, v.Reason, v.At, v.AtDir = false, r, at, isDir
	}
	if skip, by := l.rules.decide(f, name, isDir); by != nil {
		v.By, v.Over, v.At, v.AtDir = by, nil, at, isDir
		l.rules.each(f, name, isDir, func(r *Rule) bool {
			if r.keep != by.keep {
				v.Over = append(v.Over, r)
			}
			return true
		})
		if skip {
			against(ByRule)
			return nil
		}
	}
	switch {
	case !isDir && !last:
		against(NotDir)
		return nil
	case !isDir:
		return l.explainFile(v, f, name, against)
	case v.Missing:
		sub := &Folder{Parent: f, frame: f.frame, path: at, depth: f.depth + 1}
		sub.Path = name
		f.list = nil // the names in f are not those in sub
		return l.explain(v, sub, names, asDir)
	}
	sub, err := l.open(f, name, len(at))
	if err != nil {
		v.Warnings = append(v.Warnings, pathError("open", at, err))
		against(Unreadable)
		return nil
	}
	sub.path = at
	switch {
	case l.excluded(sub):
		against(Excluded)
	case l.isMountPoint(sub):
		against(MountPoint)
		v.Taken = last
	default:
		return l.explain(v, sub, names, asDir)
	}
	sub.Dir.Close()
	return nil
}

func (l *lister) explainFile(v *Verdict, f *Folder, name string, against func(Reason)) error {
	if v.Missing {
		return nil
	}
	e, err := f.Dir.Lstat(name)
	if err != nil {
		v.Warnings = append(v.Warnings, pathError("lstat", f.join(name), err))
		against(Unreadable)
		return nil
	}
	e.Path, v.Size = f.join(name), e.Size
	r, err := l.walk.unwanted(0, &e)
	if err == nil && r != "" {
		against(r)
	}
	return err
}
