package store

import (
	"errors"
	"io/fs"
	"strings"

	"phlb/engine/store/folding"
)

// A file system may take two names for the same name: Makefile and makefile, or one
// letter in two encodings. Which names these are is for the file system to say.

// folds reports whether the file system takes the name of something in dir for the same
// name in capitals.
func folds(dir *Dir, name string) bool {
	own, err := dir.Look(name)
	if err != nil {
		return false
	}
	other, err := dir.Look(strings.ToUpper(name))
	return err == nil && other.SameAs(&own)
}

// Folds reports whether the file system takes names in the tree for one that differ in
// case alone.
func (p *Partial) Folds() bool {
	if p.Scratch == nil { // planned
		return folds(p.root.dir, internal)
	}
	return folds(p.Scratch, treeName)
}

// Apart returns other names for those of the names, sorted, of one folder that the file
// system takes for one that comes before: makefile~1 for makefile where there is a
// Makefile. It chooses none for which taken is true.
func (p *Partial) Apart(names []string, taken func(name string) bool) (map[string]string, error) {
	alike := make(map[string][]string, len(names))
	for _, name := range names {
		key := folding.Key(name)
		alike[key] = append(alike[key], name)
	}
	if len(alike) == len(names) {
		return nil, nil
	}
	apart := map[string]string{}
	for _, name := range names {
		group := alike[folding.Key(name)]
		if len(group) == 1 || group[0] != name {
			continue
		}
		same, err := p.sameNames(group)
		if err != nil {
			return nil, err
		}
		for _, name := range same {
			for n := 1; apart[name] == ""; n++ {
				other := folding.WithNumber(name, n)
				if key := folding.Key(other); alike[key] == nil && !taken(other) {
					apart[name], alike[key] = other, []string{other}
				}
			}
		}
	}
	return apart, nil
}

// sameNames returns those names that the file system takes for one that comes before.
// Where all is only planned, it cannot be asked.
func (p *Partial) sameNames(names []string) (same []string, err error) {
	if p.Scratch == nil {
		return names[1:], nil
	}
	if p.names == nil {
		if p.names, err = p.Scratch.Mkdir(namesName); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		f, err := p.names.Create(name)
		switch {
		case err == nil:
			f.Close()
			defer func() { err = errors.Join(err, p.names.Remove(name)) }()
		case errors.Is(err, fs.ErrExist):
			same = append(same, name)
		default: // comes again, and is reported, when the entry is stored
		}
	}
	return same, nil
}
