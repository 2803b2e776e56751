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

// place is a path of a snapshot whose file should have a content.
type location struct {
	ref      store.Ref
	path     string
	size     int64
	stored   manifest.Stored
	xattrs   []manifest.Xattr
	verified bool // whether the location is in the snapshot that is verified, and damaged there

	wrongTime bool // whether the content is good and the modification time is not
}

// goodCopy is a location whose inode has the content that it should have.
type goodCopy struct {
	location
	inode store.Inode // as it was when it was read, or linked to
}

// repair repairs all files of one content.
type repair struct {
	*verification
	digest      manifest.Digest
	worker      *content.Worker
	isGoodInode map[walk.ID]bool // whether an inode is good, of those that have been read
	good        []*goodCopy      // one for each good inode
	otherwise   []location       // files of the same size that have digests by other algorithms
}

// lockSeal takes the seal lock, which is needed to change names, unless it is held. It is
// given up while files are read, which may take hours: nobody can seal a snapshot
// meanwhile.
func (v *verification) lockSeal(ctx context.Context) (err error) {
	if v.lock == nil {
		v.lock, err = v.root.LockSeal(ctx, v.Owner())
	}
	return err
}

// unlockSeal gives up the seal lock, if it is held.
func (v *verification) unlockSeal() {
	if v.lock != nil {
		v.lock.Unlock()
		v.lock = nil
	}
}

// heal repairs what is damaged, and returns the contents of which every file is good
// now, in all snapshots.
func (v *verification) heal(ctx context.Context, cat *catalog.Catalog) (healed []manifest.Digest, err error) {
	known, err := cat.Damaged(ctx)
	if err != nil || len(known) == 0 && len(v.damaged) == 0 && len(v.leftovers) == 0 {
		return nil, err
	}
	defer v.unlockSeal()
	err = v.lockSeal(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil { // the report of what was found must not be lost
		v.report.Add(".", repository.Unhealed, "%v", err)
		return nil, nil
	}
	v.sweepLeftovers()
	v.remakeFolders()
	if healed, err = v.healContents(ctx, cat, known); err != nil {
		return nil, err
	}
	if err := v.lockSeal(ctx); err != nil {
		v.report.Add(".", repository.Unhealed, "%v", err)
		return healed, nil
	}
	v.remakeOthers()
	v.putTimesBack()
	v.finishFolders()
	v.unlockSeal()
	rotten, err := v.healUnsealed(ctx)
	if err != nil {
		return nil, err
	}
	// Without this a power loss could bring back a rotten file under a name that was
	// healed, when the catalog no longer says that the content is damaged.
	if err := v.syncChanged(); err != nil {
		v.report.Add(".", repository.Unhealed, "what was mended may not be on the disk: %v", err)
		return nil, nil
	}
	if rotten {
		return nil, nil
	}
	return healed, nil
}

// syncChanged syncs the directories in which names were changed. The content of new files
// was synced before, see [store.Dir.ReplaceNew].
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

// healContents replaces rotten files by good copies, in all snapshots, since others may
// share a rotten inode. Files that are missing or have a wrong time are only put right
// in the snapshot that is verified.
func (v *verification) healContents(ctx context.Context, cat *catalog.Catalog, known map[manifest.Digest][]catalog.Damage) (healed []manifest.Digest, err error) {
	asked := map[manifest.Digest]map[string]location{}
	for digest := range known {
		asked[digest] = nil
	}
	for _, d := range v.damaged {
		e := &d.entry
		if e.Kind != manifest.File {
			continue
		}
		if asked[e.Digest] == nil {
			asked[e.Digest] = map[string]location{}
		}
		asked[e.Digest][e.Path] = location{ref: v.report.Snapshot.Ref(), path: e.Path, size: e.Size, stored: e.InSnapshot(), xattrs: e.Xattrs, verified: true}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	contents, err := cat.Contents(ctx)
	if err != nil {
		return nil, err
	}
	defer contents.Close()
	places := map[manifest.Digest][]location{}
	for digest, paths := range asked {
		found, err := contents.Lookup(digest, math.MaxInt)
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			places[digest] = append(places[digest], p)
		}
		for _, c := range found {
			for _, s := range c.Snapshots {
				ref := store.Ref{Name: s.Name, Stamp: s.Stamp}
				if _, ok := paths[c.Path]; ok && ref == v.report.Snapshot.Ref() {
					continue
				}
				places[digest] = append(places[digest], location{ref: ref, path: c.Path, size: c.Size, stored: c.Stored, xattrs: c.Xattrs})
			}
		}
	}
	otherwise, err := hashedOtherwise(ctx, cat, places)
	if err != nil {
		return nil, err
	}
	for digest := range asked {
		r := &repair{verification: v, digest: digest, worker: v.workers[0], isGoodInode: map[walk.ID]bool{}, otherwise: otherwise[digest]}
		all, err := r.apply(ctx, places[digest])
		if err != nil {
			return nil, err
		}
		if all {
			healed = append(healed, digest)
		}
	}
	return healed, nil
}

// apply looks at all locations, and replaces the files that are not good. It reports
// whether all are good in the end.
func (r *repair) apply(ctx context.Context, places []location) (all bool, err error) {
	r.unlockSeal()
	var bad, good []location
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
	if len(bad) > 0 && len(r.good) == 0 {
		if err := r.findOtherwise(ctx); err != nil {
			return false, err
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
			r.logPath("mended", p.path)
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

// elsewhere names the snapshot for a message, if it is not the one that is verified.
func (p *location) elsewhere() string {
	if p.verified {
		return ""
	}
	return "in " + p.ref.String() + ": "
}

// isGood reports whether a location needs no repair, and notes its inode as a good copy
// if its content is good.
func (r *repair) isGood(ctx context.Context, p location) (bool, error) {
	folder, err := r.folderOf(p.ref, p.path)
	if err != nil {
		return p.isGone(err), nil
	}
	defer folder.Close()
	inode, err := folder.Look(path.Base(p.path))
	if err != nil {
		return p.isGone(err), nil
	}
	p.wrongTime = inode.Mtime != p.stored.Mtime
	ok, err := r.holds(ctx, folder, inode, p)
	if err != nil {
		return false, err
	}
	if !ok {
		r.badInodes[idOf(&inode)] = inode
	}
	return ok && !(p.wrongTime && p.verified), nil
}

// holds reads the file at a location, unless its inode was read before, and reports
// whether it has the content. If so, it notes it as a good copy.
func (r *repair) holds(ctx context.Context, folder *store.Dir, inode store.Inode, p location) (ok bool, err error) {
	id := idOf(&inode)
	if ok, read := r.isGoodInode[id]; read && id.Known() {
		return ok, nil
	}
	if inode.Kind == manifest.File && inode.Size == p.size {
		d, err := r.worker.HashStored(ctx, folder, path.Base(p.path), r.digest.Algorithm())
		if cause := context.Cause(ctx); cause != nil {
			return false, cause
		}
		ok = err == nil && d == r.digest
	}
	r.isGoodInode[id] = ok
	r.logPath("read again", p.path)
	if ok {
		r.good = append(r.good, &goodCopy{p, inode})
	}
	return ok, nil
}

func idOf(i *store.Inode) walk.ID { return walk.ID{Dev: i.Dev, Inode: i.Ino} }

// isGone reports whether an error says that the file is missing in another snapshot than
// the one that is verified. Such a file is not healed: a verification of that snapshot
// reports it.
func (p *location) isGone(err error) bool {
	return !p.verified && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP))
}

var errChanged = errors.New("it changed while it was read: run verify --heal again")

// isStillGood reports whether the inode at a location was not changed since it was read,
// which may be hours ago.
func (r *repair) isStillGood(p location) bool {
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

func (r *repair) look(p location) (store.Inode, error) {
	folder, err := r.folderOf(p.ref, p.path)
	if err != nil {
		return store.Inode{}, err
	}
	defer folder.Close()
	return folder.Look(path.Base(p.path))
}

// same reports whether an inode was not changed between two looks.
func same(a, b *store.Inode) bool {
	return a.SameAs(b) && a.Size == b.Size && a.Mtime == b.Mtime && a.Ctime == b.Ctime
}

var errNoCopy = errors.New("no good copy of its content is left under the backup root")

// replace makes a location a link to a good copy with the same metadata, or else a file
// of its own.
func (r *repair) replace(ctx context.Context, p location) error {
	return r.changeIn(p.ref, p.path, func(folder *store.Dir, _ string) error { return r.replaceIn(ctx, folder, p) })
}

func (r *repair) replaceIn(ctx context.Context, folder *store.Dir, p location) error {
	for _, g := range r.good {
		if g.wrongTime || g.stored != p.stored || !manifest.SameXattrs(manifest.SharedXattrs(g.xattrs), manifest.SharedXattrs(p.xattrs)) {
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

// link makes a location a link to a good copy, if that was not changed since it was read.
func (r *repair) link(ctx context.Context, folder *store.Dir, g *goodCopy, p location) error {
	if err := r.lockSeal(ctx); err != nil {
		return err
	}
	now, err := r.look(g.location)
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
	g.inode, err = r.look(g.location) // the link has moved its change time
	return err
}

// copy makes a location a file of its own, with the content of a good copy.
func (r *repair) copy(ctx context.Context, folder *store.Dir, p location) error {
	r.unlockSeal()
	e := &manifest.Entry{Kind: manifest.File, Permissions: p.stored.Permissions, Mtime: p.stored.Mtime, Xattrs: p.xattrs}
	err := folder.ReplaceNew(path.Base(p.path), e, func(out *store.File) error {
		if p.size > 0 {
			if err := r.fill(out, r.good[0]); err != nil {
				return err
			}
		}
		return r.lockSeal(ctx) // for the rename
	})
	if err != nil {
		return err
	}
	made, err := r.look(p)
	if err == nil {
		r.good = append(r.good, &goodCopy{p, made})
	}
	return err
}

// fill writes the content of a good inode to out, and checks that the inode was not
// changed since it was read.
func (r *repair) fill(out *store.File, g *goodCopy) error {
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
	now, err := r.look(g.location)
	if err == nil && !same(&g.inode, &now) {
		err = errChanged
	}
	if err != nil {
		return err
	}
	return out.Sync() // before the lock is taken, for it may take long
}
