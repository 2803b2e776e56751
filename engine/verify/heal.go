package verify

import (
	"context"
	"errors"
	"io"
	"math"
	"path"

	"phlb/engine/catalog"
	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// place is a path under the root that should hold a content.
type place struct {
	ref    store.Ref
	path   string
	size   int64
	stored manifest.Stored
	xattrs []manifest.Xattr
	asked  bool // in the snapshot that is verified, and damaged there

	touched bool // its content is whole, but its time is not
}

// remedy puts one content right wherever the root should hold it.
type remedy struct {
	*verification
	digest  manifest.Digest
	worker  *content.Worker
	verdict map[walk.ID]bool // of the inodes that have been read: whether they are good
	good    []place          // one for every good inode
}

// heal puts right what is damaged, and returns the contents that are good
// wherever they should be.
func (v *verification) heal(ctx context.Context, cat *catalog.Catalog) (healed []manifest.Digest, err error) {
	known, err := cat.Damaged(ctx)
	if err != nil || len(known) == 0 && len(v.damaged) == 0 {
		return nil, err
	}
	lock, err := v.root.LockSeal(ctx, v.Owner())
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil { // what was found must not be lost for it
		v.report.Add(".", repository.Unhealed, "%v", err)
		return nil, nil
	}
	defer lock.Unlock()
	v.remakeFolders()
	if healed, err = v.healContents(ctx, cat, known); err != nil {
		return nil, err
	}
	v.remakeOthers()
	v.finishFolders()
	return healed, nil
}

// healContents replaces files by good copies. Another snapshot may hold a
// rotten inode too, so all of a content's places are looked at, but what is
// missing or was given another time is put right in the verified snapshot
// alone.
func (v *verification) healContents(ctx context.Context, cat *catalog.Catalog, known map[manifest.Digest][]catalog.Damage) (healed []manifest.Digest, err error) {
	asked := map[manifest.Digest]map[string]place{}
	for digest := range known {
		asked[digest] = nil
	}
	for _, d := range v.damaged {
		e := &d.entry
		if e.Kind != manifest.File {
			continue
		}
		if asked[e.Digest] == nil {
			asked[e.Digest] = map[string]place{}
		}
		asked[e.Digest][e.Path] = place{ref: v.report.Snapshot.Ref(), path: e.Path, size: e.Size, stored: e.InSnapshot(), xattrs: e.Xattrs, asked: true}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	contents, err := cat.Contents(ctx)
	if err != nil {
		return nil, err
	}
	defer contents.Close()
	for digest, paths := range asked {
		found, err := contents.Lookup(digest, math.MaxInt)
		if err != nil {
			return nil, err
		}
		var places []place
		for _, p := range paths {
			places = append(places, p)
		}
		for _, c := range found {
			for _, s := range c.Snapshots {
				ref := store.Ref{Name: s.Name, Stamp: s.Stamp}
				if _, ok := paths[c.Path]; ok && ref == v.report.Snapshot.Ref() {
					continue
				}
				places = append(places, place{ref: ref, path: c.Path, size: c.Size, stored: c.Stored, xattrs: c.Xattrs})
			}
		}
		r := &remedy{v, digest, v.workers[0], map[walk.ID]bool{}, nil}
		all, err := r.apply(ctx, places)
		if err != nil {
			return nil, err
		}
		if all {
			healed = append(healed, digest)
		}
	}
	return healed, nil
}

// apply reports whether all places are good in the end.
func (r *remedy) apply(ctx context.Context, places []place) (all bool, err error) {
	var bad []place
	for _, p := range places {
		ok, err := r.isGood(ctx, p)
		if err != nil {
			return false, err
		}
		if !ok {
			bad = append(bad, p)
		}
	}
	all = true
	for _, p := range bad {
		switch err := r.replace(ctx, p); {
		case context.Cause(ctx) != nil:
			return false, context.Cause(ctx)
		case err != nil:
			all = false
			r.report.Add(p.path, repository.Unhealed, "%s%v", p.elsewhere(), err)
		default:
			r.report.Add(p.path, repository.Healed, "%sreplaced by a good copy", p.elsewhere())
		}
	}
	return all, nil
}

// elsewhere says which snapshot is meant, if it is not the verified one.
func (p *place) elsewhere() string {
	if p.asked {
		return ""
	}
	return "in " + p.ref.String() + ": "
}

// isGood reports whether nothing needs to be done about a place, and notes a
// good inode.
func (r *remedy) isGood(ctx context.Context, p place) (bool, error) {
	folder, err := r.open(p)
	if err != nil {
		return !p.asked, nil // not there: see heal
	}
	defer folder.Close()
	name := path.Base(p.path)
	inode, err := folder.Look(name)
	if err != nil {
		return !p.asked, nil
	}
	id := walk.ID{Dev: inode.Dev, Inode: inode.Ino}
	ok, read := r.verdict[id]
	if !read {
		if inode.Kind == manifest.File && inode.Size == p.size {
			d, err := r.worker.HashStored(ctx, folder, name)
			if cause := context.Cause(ctx); cause != nil {
				return false, cause
			}
			ok = err == nil && d == r.digest
		}
		r.verdict[id] = ok
	}
	p.touched = inode.Mtime != p.stored.Mtime
	if ok && !read {
		r.good = append(r.good, p)
	}
	return ok && !(p.touched && p.asked), nil
}

func (r *remedy) open(p place) (*store.Dir, error) {
	tree, err := r.root.OpenSnapshot(p.ref)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	return tree.Descend(path.Dir(p.path))
}

var errNoCopy = errors.New("no good copy of its content is left under the backup root")

// replace makes a place a link to a good inode of the same metadata, or a copy.
func (r *remedy) replace(ctx context.Context, p place) error {
	folder, err := r.open(p)
	if err != nil {
		return err
	}
	defer folder.Close()
	self, err := folder.Self()
	if err != nil {
		return err
	}
	if err := r.replaceIn(ctx, folder, p); err != nil {
		return err
	}
	return folder.SetMtime(self.Mtime)
}

func (r *remedy) replaceIn(ctx context.Context, folder *store.Dir, p place) error {
	name := path.Base(p.path)
	for _, g := range r.good {
		if g.touched || g.stored != p.stored || !manifest.SameXattrs(g.xattrs, p.xattrs) {
			continue
		}
		from, err := r.open(g)
		if err != nil {
			return err
		}
		err = folder.Replace(from, path.Base(g.path), name)
		from.Close()
		if !errors.Is(err, store.ErrLinkLimit) && !errors.Is(err, store.ErrNoLink) {
			return err
		}
	}
	if len(r.good) == 0 && p.size > 0 {
		return errNoCopy
	}
	e := &manifest.Entry{Kind: manifest.File, Permissions: p.stored.Permissions, Mtime: p.stored.Mtime, Xattrs: p.xattrs}
	err := folder.ReplaceNew(name, e, func(out *store.File) error {
		if p.size == 0 {
			return nil
		}
		from, err := r.open(r.good[0])
		if err != nil {
			return err
		}
		defer from.Close()
		in, err := from.Read(path.Base(r.good[0].path))
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(out, in)
		return err
	})
	if err == nil {
		r.good = append(r.good, p)
	}
	return err
}
