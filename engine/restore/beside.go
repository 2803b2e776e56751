package restore

import (
	"errors"
	"fmt"
	"io/fs"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// A target may take names for one that the snapshot holds apart: Makefile and
// makefile, or a letter that is written in two ways. Of such names the first has
// the place, and what comes later lies beside it, as makefile~1.

// errTaken says that another entry of the snapshot has the place of a name.
var errTaken = errors.New("the target takes its name for that of another")

// taken reports whether what is called name in f has been put there by this
// restore, under another name. What lay there before may have another name too,
// and is what the entry replaces.
func (f *folder) taken(name string, there *store.Inode) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.old == nil {
		return f.fresh
	}
	if f.old[name] {
		delete(f.old, name)
		return false
	}
	for old := range f.old {
		if i, err := f.to.Look(old); err == nil && i.SameAs(there) {
			delete(f.old, old)
			return false
		}
	}
	return true
}

// free returns the first name beside the one given that is free in f, or is that
// of what fits, which an earlier restore has left.
func (f *folder) free(name string, fits func(name string, there *store.Inode) bool) (string, *store.Inode, error) {
	for n := 1; ; n++ {
		beside := fmt.Sprintf("%s~%d", name, n)
		there, err := f.to.Look(beside)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.keep(beside)
			return beside, nil, nil
		case err != nil:
			return "", nil, err
		case fits(beside, &there):
			f.keep(beside)
			return beside, &there, nil
		}
	}
}

// keep notes a name that the snapshot does not have and that is not deleted.
func (f *folder) keep(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beside = append(f.beside, name)
}

// placeBeside restores an entry whose name is taken, under another one.
func (p *piece) placeBeside() error {
	own := p.name
	for {
		name, there, err := p.to.free(own, func(_ string, there *store.Inode) bool {
			// Of an earlier restore, to where neither owner nor all of a time may be kept.
			return there.Is(p.entry.Kind, p.entry.Size) && there.Mtime.Sec == p.entry.Mtime.Sec
		})
		if err != nil {
			return err
		}
		p.name, p.there = name, there
		_, err = p.alone()
		if errors.Is(err, errTaken) {
			continue // another worker was quicker
		}
		if err == nil {
			p.fail(p.entry.Path, Renamed, "restored as %s: %v", name, errTaken)
		}
		return err
	}
}

// renameFolder gives a directory whose name is taken another one, and returns
// what lies there, nil for nothing.
func (r *restore) renameFolder(f *folder) (*store.Inode, error) {
	name, there, err := f.up.free(f.name, func(name string, there *store.Inode) bool {
		return there.Kind == manifest.Dir && !f.up.taken(name, there)
	})
	if err != nil {
		return nil, err
	}
	f.name, f.renamed = name, true
	r.fail(f.path(), Renamed, "restored as %s, with all that it holds: %v", name, errTaken)
	return there, nil
}
