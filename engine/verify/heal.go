package verify

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"path"
	"syscall"

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

// whole is a place whose inode has the content that it should have.
type whole struct {
	place
	inode store.Inode // as it was when it was read, or linked to
}

// remedy puts one content right wherever the root should hold it.
type remedy struct {
	*verification
	digest  manifest.Digest
	worker  *content.Worker
	verdict map[walk.ID]bool // of the inodes that have been read: whether they are good
	good    []*whole         // one for every good inode
}

// hold takes the lock under which names are changed, unless it is held. Nobody
// can seal meanwhile: it is given up while files are read, which may take hours.
func (v *verification) hold(ctx context.Context) (err error) {
	if v.lock == nil {
		v.lock, err = v.root.LockSeal(ctx, v.Owner())
	}
	return err
}

func (v *verification) letGo() {
	if v.lock != nil {
		v.lock.Unlock()
		v.lock = nil
	}
}

// heal puts right what is damaged, and returns the contents that are good
// wherever they should be.
func (v *verification) heal(ctx context.Context, cat *catalog.Catalog) (healed []manifest.Digest, err error) {
	known, err := cat.Damaged(ctx)
	if err != nil || len(known) == 0 && len(v.damaged) == 0 && len(v.leftovers) == 0 {
		return nil, err
	}
	defer v.letGo()
	err = v.hold(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil { // what was found must not be lost for it
		v.report.Add(".", repository.Unhealed, "%v", err)
		return nil, nil
	}
	v.sweepLeftovers()
	v.remakeFolders()
	if healed, err = v.healContents(ctx, cat, known); err != nil {
		return nil, err
	}
	if err := v.hold(ctx); err != nil {
		v.report.Add(".", repository.Unhealed, "%v", err)
		return healed, nil
	}
	v.remakeOthers()
	v.putTimesBack()
	v.finishFolders()
	v.letGo()
	rotten, err := v.healUnsealed(ctx)
	if err != nil {
		return nil, err
	}
	// Without this a power loss could bring back a rotten file under a name that
	// was mended, while the note that it is rotten is gone.
	if err := v.syncChanged(); err != nil {
		v.report.Add(".", repository.Unhealed, "what was mended may not be on the disk: %v", err)
		return nil, nil
	}
	if rotten {
		return nil, nil
	}
	return healed, nil
}

// syncChanged writes the directories in which names were changed to the disk. The
// bytes of new files are there already, see [store.Dir.ReplaceNew].
func (v *verification) syncChanged() error {
	for folder := range v.changed {
		dir, err := folder.open(v.root)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err == nil {
			err = dir.Sync()
			dir.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
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
		r := &remedy{verification: v, digest: digest, worker: v.workers[0], verdict: map[walk.ID]bool{}}
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
	r.letGo()
	var bad, good []place
	for _, p := range places {
		ok, err := r.isGood(ctx, p)
		if err != nil {
			return false, err
		}
		if ok {
			good = append(good, p)
		} else {
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
			r.name("mended", p.path)
		}
	}
	for _, p := range good {
		if !r.isStillGood(p) {
			all = false
			r.report.Add(p.path, repository.Unhealed, "%s%v", p.elsewhere(), errChanged)
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
	folder, err := r.folderOf(p.ref, p.path)
	if err != nil {
		return p.isGone(err), nil
	}
	defer folder.Close()
	name := path.Base(p.path)
	inode, err := folder.Look(name)
	if err != nil {
		return p.isGone(err), nil
	}
	id := idOf(&inode)
	ok, read := r.verdict[id]
	read = read && id.Known()
	if !read {
		if inode.Kind == manifest.File && inode.Size == p.size {
			d, err := r.worker.HashStored(ctx, folder, name)
			if cause := context.Cause(ctx); cause != nil {
				return false, cause
			}
			ok = err == nil && d == r.digest
		}
		r.verdict[id] = ok
		r.name("read again", p.path)
		if !ok {
			r.bad[id] = inode
		}
	}
	p.touched = inode.Mtime != p.stored.Mtime
	if ok && !read {
		r.good = append(r.good, &whole{p, inode})
	}
	return ok && !(p.touched && p.asked), nil
}

func idOf(i *store.Inode) walk.ID { return walk.ID{Dev: i.Dev, Inode: i.Ino} }

// isGone reports whether an error says that there is nothing to be healed: what
// another snapshot lacks is that one's verification to tell.
func (p *place) isGone(err error) bool {
	return !p.asked && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP))
}

var errChanged = errors.New("it changed while it was read: run verify --heal again")

// isStillGood reports whether the inode at a place that was found good is what
// was read: that may be hours ago.
func (r *remedy) isStillGood(p place) bool {
	now, err := r.look(p)
	if err != nil {
		return p.isGone(err)
	}
	for _, g := range r.good {
		if g.inode.SameAs(&now) {
			return same(&g.inode, &now)
		}
	}
	return false
}

func (r *remedy) look(p place) (store.Inode, error) {
	folder, err := r.folderOf(p.ref, p.path)
	if err != nil {
		return store.Inode{}, err
	}
	defer folder.Close()
	return folder.Look(path.Base(p.path))
}

// same reports whether two looks found the same content, as far as a look tells.
func same(a, b *store.Inode) bool {
	return a.SameAs(b) && a.Size == b.Size && a.Mtime == b.Mtime && a.Ctime == b.Ctime
}

var errNoCopy = errors.New("no good copy of its content is left under the backup root")

// replace makes a place a link to a good inode of the same metadata, or a copy.
func (r *remedy) replace(ctx context.Context, p place) error {
	return r.changeIn(p.ref, p.path, func(folder *store.Dir, _ string) error { return r.replaceIn(ctx, folder, p) })
}

func (r *remedy) replaceIn(ctx context.Context, folder *store.Dir, p place) error {
	for _, g := range r.good {
		if g.touched || g.stored != p.stored || !manifest.SameXattrs(g.xattrs, p.xattrs) {
			continue
		}
		err := r.link(ctx, folder, g, p)
		if !errors.Is(err, store.ErrLinkLimit) && !errors.Is(err, store.ErrNoLink) {
			return err
		}
	}
	if len(r.good) == 0 && p.size > 0 {
		return errNoCopy
	}
	return r.copy(ctx, folder, p)
}

// link makes a place a link to a good inode, which it looks at first.
func (r *remedy) link(ctx context.Context, folder *store.Dir, g *whole, p place) error {
	if err := r.hold(ctx); err != nil {
		return err
	}
	now, err := r.look(g.place)
	if err == nil && !same(&g.inode, &now) {
		err = errChanged
	}
	if err != nil {
		return err
	}
	from, err := r.folderOf(g.ref, g.path)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := folder.Replace(from, path.Base(g.path), path.Base(p.path)); err != nil {
		return err
	}
	g.inode, err = r.look(g.place) // its time of change is that of the link now
	return err
}

// copy makes a place a file of its own.
func (r *remedy) copy(ctx context.Context, folder *store.Dir, p place) error {
	r.letGo()
	e := &manifest.Entry{Kind: manifest.File, Permissions: p.stored.Permissions, Mtime: p.stored.Mtime, Xattrs: p.xattrs}
	err := folder.ReplaceNew(path.Base(p.path), e, func(out *store.File) error {
		if p.size > 0 {
			if err := r.fill(out, r.good[0]); err != nil {
				return err
			}
		}
		return r.hold(ctx) // for the rename
	})
	if err != nil {
		return err
	}
	made, err := r.look(p)
	if err == nil {
		r.good = append(r.good, &whole{p, made})
	}
	return err
}

// fill writes what a good inode holds, and sees that this was what had been read.
func (r *remedy) fill(out *store.File, g *whole) error {
	from, err := r.folderOf(g.ref, g.path)
	if err != nil {
		return err
	}
	defer from.Close()
	in, err := from.Read(path.Base(g.path))
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	now, err := r.look(g.place)
	if err == nil && !same(&g.inode, &now) {
		err = errChanged
	}
	if err != nil {
		return err
	}
	return out.Sync() // before the lock is taken, for it may take long
}
