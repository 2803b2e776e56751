package restore

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// group is the paths of a snapshot that were one inode in the source.
type group struct {
	mu   sync.Mutex // held while a path of the group is restored
	in   *folder    // in which the target has a path of the group; nil as long as it has none
	name string     // of that path in the target
	made bool       // whether this restore has made that path
}

// groupKey is the number of a group and its content. A file that changed between the
// visits of two of its names stands in the manifest under one number with two contents.
type groupKey struct {
	number int64
	digest manifest.Digest
}

func groupOf(e *manifest.Entry) groupKey { return groupKey{e.Group, e.Digest} }

// restoreInGroup restores a path of a group. The first path is made, and the others are
// linked to it. Where the first cannot be made, the next one takes its place.
func (p *item) restoreInGroup() error {
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
	has, err := p.restoreAlone()
	if has {
		g.in, g.name, g.made = p.from, p.name, p.made
	}
	return err
}

// link makes the path a link to the inode of the group. done is false where it has to be
// made as an inode of its own.
func (p *item) link(g *group) (done bool, err error) {
	if p.existing != nil {
		shared, err := p.sharesInode(g)
		if err != nil {
			return false, err
		}
		if shared || p.Overwrite != Always && p.isUnchanged() {
			p.count(func(done *Restored) { done.Unchanged++ })
			p.Log.Debug("unchanged", "path", p.entry.Path)
			return true, nil
		}
		if !p.replaces(p.entry, p.existing) {
			p.skip(p.entry.Path)
			return true, nil
		}
	}
	err = p.putInPlace(func(name string) error {
		if p.Dry {
			return nil
		}
		return p.leader(g, func(dir *store.Dir, leader string) error { return p.to.dir.Link(dir, leader, name) })
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

// sharesInode reports whether the path is a link to the inode of the group already.
func (p *item) sharesInode(g *group) (bool, error) {
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
	return inode.SameAs(p.existing), err
}

// leader calls use with the path of the group that the target has.
func (p *item) leader(g *group, use func(dir *store.Dir, name string) error) error {
	if g.in == p.from {
		return use(p.to.dir, g.name)
	}
	dir, err := p.openInTarget(g.in)
	if err != nil {
		return err
	}
	defer dir.Close()
	return use(dir, g.name)
}

// openInTarget opens a folder of the snapshot in the target.
func (r *restore) openInTarget(f *folder) (*store.Dir, error) {
	var names []string
	for at := f; !at.isBase && at.parent != nil; at = at.parent {
		names = append(names, at.name)
	}
	slices.Reverse(names)
	return r.landing.dir.Descend(path.Join(r.baseName, path.Join(names...)))
}

// groupFinder is the visitor that finds the groups of which the target has a path already,
// so that paths that come earlier in the manifest can be linked to it.
type groupFinder struct {
	*restore
	dir *store.Dir // of the folder at hand, nil if it is not open
}

var _ visitor = (*groupFinder)(nil)

func (f *groupFinder) enter(*folder) { f.close() }

func (f *groupFinder) leave(*folder) { f.close() }

func (f *groupFinder) close() {
	if f.dir != nil {
		f.dir.Close()
		f.dir = nil
	}
}

func (f *groupFinder) entry(in *folder, e *manifest.Entry, selected bool) {
	if e.Group == 0 || !selected || f.groups[groupOf(e)] != nil {
		return
	}
	var err error
	if f.dir == nil {
		if f.dir, err = f.openInTarget(in); err != nil {
			return
		}
	}
	there, err := f.dir.Look(e.NameInSource())
	if err != nil {
		return
	}
	p := &item{restore: f.restore, to: &folder{dir: f.dir}, name: e.NameInSource(), entry: e, existing: &there}
	if p.isUnchanged() {
		f.groups[groupOf(e)] = &group{in: in, name: strings.Clone(e.NameInSource())}
	}
}
