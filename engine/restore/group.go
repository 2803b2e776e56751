package restore

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// group is several paths that were one inode.
type group struct {
	mu   sync.Mutex // held while one of them is restored
	in   *folder    // of the snapshot, in which the target has a path of the group; nil as long as there is none
	name string     // of that path, there
	made bool       // just now
}

// groupKey is a group's number, and its content: a file that changed between the
// visits of two of its names may stand in a manifest under one number.
type groupKey struct {
	number int64
	digest manifest.Digest
}

func groupOf(e *manifest.Entry) groupKey { return groupKey{e.Group, e.Digest} }

// member restores a path of a group: the first is made, the others are linked
// to it. Where the first could not be, the next takes its place.
func (p *piece) member() error {
	p.mu.Lock()
	key := groupOf(p.entry)
	g := p.groups[key]
	if g == nil {
		g = &group{}
		p.groups[key] = g
	}
	p.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.in != nil {
		done, err := p.link(g)
		if done || err != nil {
			return err
		}
	}
	has, err := p.alone()
	if has {
		g.in, g.name, g.made = p.from, p.name, p.made
	}
	return err
}

// link makes the path another name of the group's inode, and reports whether
// that was done or is not wanted.
func (p *piece) link(g *group) (done bool, err error) {
	if p.there != nil {
		together, err := p.together(g)
		if err != nil {
			return false, err
		}
		if together || p.Overwrite != Always && p.same() {
			p.count(func(done *Restored) { done.Unchanged++ })
			p.Log.Debug("unchanged", "path", p.entry.Path)
			return true, nil
		}
		if !p.replaces(p.entry, p.there) {
			p.skip(p.entry.Path)
			return true, nil
		}
	}
	err = p.put(func(name string) error {
		if p.Dry {
			return nil
		}
		return p.leader(g, func(dir *store.Dir, leader string) error { return p.to.to.Link(dir, leader, name) })
	})
	if errors.Is(err, store.ErrLinkLimit) || errors.Is(err, store.ErrNoLink) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, p.notKept(p.entry.Path, &store.NotKept{What: "hardlink", Err: err}) // made anew
	}
	if err != nil {
		return false, err
	}
	p.Log.Debug("linked", "path", p.entry.Path)
	p.count(func(done *Restored) {
		if p.entry.Kind != manifest.File {
			done.Others++
			return
		}
		done.Files++
		done.Linked++
	})
	return true, nil
}

// together reports whether what is there is the group's inode.
func (p *piece) together(g *group) (bool, error) {
	if g.made {
		return false, nil
	}
	var inode store.Inode
	err := p.leader(g, func(dir *store.Dir, leader string) (err error) {
		inode, err = dir.Look(leader)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	return inode.SameAs(p.there), err
}

// leader calls use with the path of the group that the target has.
func (p *piece) leader(g *group, use func(dir *store.Dir, name string) error) error {
	if g.in == p.from {
		return use(p.to.to, g.name)
	}
	dir, err := p.descend(g.in)
	if err != nil {
		return err
	}
	defer dir.Close()
	return use(dir, g.name)
}

// descend opens a directory of the snapshot in the target.
func (r *restore) descend(f *folder) (*store.Dir, error) {
	folder := f.path()
	switch base := r.selection.base; {
	case folder == base:
		folder = ""
	case base != ".":
		folder = strings.TrimPrefix(folder, base+"/")
	}
	return r.landing.to.Descend(path.Join(r.as, folder))
}

// finder finds the groups of which the target has a path already, so that what
// comes before it in the manifest can be linked to it.
type finder struct {
	*restore
	dir *store.Dir // of the folder at hand, nil if it is not open
}

var _ visitor = (*finder)(nil)

func (f *finder) enter(*folder) { f.close() }

func (f *finder) leave(*folder) { f.close() }

func (f *finder) close() {
	if f.dir != nil {
		f.dir.Close()
		f.dir = nil
	}
}

func (f *finder) entry(in *folder, e *manifest.Entry, selected bool) {
	if e.Group == 0 || !selected || f.groups[groupOf(e)] != nil {
		return
	}
	var err error
	if f.dir == nil {
		if f.dir, err = f.descend(in); err != nil {
			return
		}
	}
	there, err := f.dir.Look(e.Name())
	if err != nil {
		return
	}
	p := &piece{restore: f.restore, to: &folder{to: f.dir}, name: e.Name(), entry: e, there: &there}
	if p.same() {
		f.groups[groupOf(e)] = &group{in: in, name: strings.Clone(e.Name())}
	}
}
