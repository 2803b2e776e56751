package restore

import (
	"errors"
	"io/fs"

	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/store/folding"
)

// The file system of a target may take two names of a snapshot for the same name, such as
// Makefile and makefile, or one letter in two encodings. The first of such names is
// restored as it is, and the others beside it, as makefile~1.

// errTaken says that another entry of the snapshot was restored under a name.
var errTaken = errors.New("the target takes its name for that of another")

// taken reports whether the inode called name in f was put there by this restore, for
// another entry. An inode that lay there before may be listed under another spelling of
// the name: it is claimed by this entry, and may be replaced.
func (f *folder) taken(name string, there *store.Inode) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unclaimed == nil {
		return f.wasEmpty
	}
	if f.unclaimed[name] {
		delete(f.unclaimed, name)
		return false
	}
	for old := range f.unclaimed {
		if i, err := f.dir.Look(old); err == nil && i.SameAs(there) {
			delete(f.unclaimed, old)
			return false
		}
	}
	return true
}

// freeName returns the first of the names name~1, name~2 and so on that is free in f, or
// whose inode fits, since an earlier restore has made it.
func (f *folder) freeName(name string, fits func(name string, there *store.Inode) bool) (string, *store.Inode, error) {
	for n := 1; ; n++ {
		beside := folding.WithNumber(name, n)
		there, err := f.dir.Look(beside)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.noteBeside(beside)
			return beside, nil, nil
		case err != nil:
			return "", nil, err
		case fits(beside, &there):
			f.noteBeside(beside)
			return beside, &there, nil
		}
	}
}

// noteBeside notes a name that is not in the snapshot, and must not be deleted.
func (f *folder) noteBeside(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beside = append(f.beside, name)
}

// restoreBeside restores an entry whose name is taken under another name.
func (p *item) restoreBeside() error {
	own := p.name
	for {
		name, there, err := p.to.freeName(own, func(_ string, there *store.Inode) bool {
			// An earlier restore has made the file. Owner and fraction of the time are not
			// compared: the target may not keep them.
			return there.Is(p.entry.Kind, p.entry.Size) && there.Mtime.Sec == p.entry.Mtime.Sec
		})
		if err != nil {
			return err
		}
		p.name, p.existing = name, there
		_, err = p.restoreAlone()
		if errors.Is(err, errTaken) {
			continue // another worker has taken the name meanwhile
		}
		if err == nil {
			p.fail(p.entry.Path, Renamed, "restored as %s: %v", name, errTaken)
		}
		return err
	}
}

// renameFolder gives a folder whose name is taken another name, and returns the inode
// that has this name in the target; nil for none.
func (r *restore) renameFolder(f *folder) (*store.Inode, error) {
	name, there, err := f.outer.freeName(f.name, func(name string, there *store.Inode) bool {
		return there.Kind == manifest.Dir && !f.outer.taken(name, there)
	})
	if err != nil {
		return nil, err
	}
	f.name, f.renamed = name, true
	r.fail(f.path(), Renamed, "restored as %s, with all that it holds: %v", name, errTaken)
	return there, nil
}
