package walk

import (
	"math"
	"path"
	"slices"
	"strings"

	"phlb/engine/manifest"
)

// Reason is what speaks against a path.
type Reason string

const (
	ByRule     Reason = "rule"
	ByMark     Reason = "mark"        // in a directory
	BySize     Reason = "max_size"    // which the file exceeds
	ByWhere    Reason = "where"       // which said no
	MountPoint Reason = "mount point" // which with OneFileSystem is taken as an empty directory
	Excluded   Reason = "excluded"    // the directory is one of Exclude
	Remote     Reason = "placeholder" // to read the file would fetch it from a server
	NotDir     Reason = "not a directory"
	Unreadable Reason = "unreadable" // see Warnings
)

// Verdict says whether a walk takes a path, and why.
type Verdict struct {
	Path    string // relative to the root
	Taken   bool
	Missing bool // nothing is there, and the path is judged by its name

	// Reason is "" if nothing speaks against the path. If there is one against
	// a directory that is taken, it is for all that the directory holds.
	Reason Reason
	By     *Rule   // the last to decide on the way to Path; nil if none matches
	Over   []*Rule // those that match too and would have it otherwise, the strongest first
	At     string  // what Reason or By is about: Path, or a directory on the way to it
	AtDir  bool    // At is a directory
	Size   int64   // of the file
	Limit  int64   // of the sizes of files, 0 if there is none

	// Warnings are about what could not be read on the way, and about lines and
	// files of rules that are not obeyed.
	Warnings []error
}

// Explain returns what [Walk.Run] makes of a path, which is relative to the
// root. If it does not exist, it is taken for that of a directory if it ends in
// a slash. Nothing is looked at but the directories that lead to it.
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

// told returns the rule with the place where it stands.
func (r *Rule) told() *Rule {
	if r == nil {
		return nil
	}
	told := *r
	told.Origin = r.where()
	return &told
}

// explain follows names from f, which is taken, and closes it. With asDir the
// last one is that of a directory if it is missing.
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
		f.list = nil // of which nothing lies in sub
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
