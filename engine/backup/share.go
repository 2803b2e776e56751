package backup

import (
	"cmp"
	"context"
	"os"
	"path"
	"sync"

	"phlb/engine/config"
	"phlb/engine/manifest"
	"phlb/engine/store"
)

// linkKnown links the path to a file of e's digest that may share its inode,
// and notes in e what that has of its own. It reports whether there was one.
func (t *task) linkKnown(e *manifest.Entry) (bool, error) {
	for _, own := range []origin{t.previous, t.resumed} {
		if own.entry == nil || own.dir == nil || own.entry.Kind != manifest.File || own.entry.Digest != e.Digest {
			continue
		}
		c := candidate{
			tree: func() (*store.Dir, error) { return own.dir.Descend(".") },
			in:   own.ref, stranger: own.stranger, name: own.entry.Path, path: t.name, size: own.entry.Size, stored: own.entry.InSnapshot(), xattrs: own.entry.Xattrs,
		}
		if ok, err := t.linkTo(c, e); ok || err != nil {
			return ok, err
		}
	}
	found, err := t.known.candidates(t.ctx, e.Digest, e.Size)
	if err != nil {
		return false, err
	}
	for _, c := range found {
		if ok, err := t.linkTo(c, e); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// agrees reports whether e may share an inode that was stored like that.
func (r *run) agrees(stored manifest.Stored, xattrs []manifest.Xattr, e *manifest.Entry) bool {
	switch r.match {
	case config.MatchContent:
		return true
	case config.MatchExact:
		if stored.Mtime != e.Mtime {
			return false
		}
	}
	return stored.Permissions == e.Permissions && manifest.SameXattrs(xattrs, e.Xattrs)
}

// linkTo links the path to c, if that may be and is what it should be.
func (t *task) linkTo(c candidate, e *manifest.Entry) (bool, error) {
	if c.size != e.Size || !t.agrees(c.stored, c.xattrs, e) {
		return false, nil
	}
	if !c.planned {
		if ok, err := t.linkToWhole(&c, e); err != nil || !ok {
			return false, err
		}
	}
	e.Stored = nil
	if own := (manifest.Stored{Permissions: e.Permissions, Mtime: e.Mtime}); c.stored != own {
		stored := c.stored
		e.Stored = &stored
	}
	return true, nil
}

// linkToWhole looks at c before it links to it.
func (t *task) linkToWhole(c *candidate, e *manifest.Entry) (bool, error) {
	tree, err := c.tree()
	if err != nil {
		return false, nil // gone, or not a folder any more
	}
	defer tree.Close()
	folder, err := tree.Descend(path.Dir(c.path))
	if err != nil {
		return false, nil
	}
	defer folder.Close()
	name := path.Base(c.path)
	inode, err := folder.Look(name)
	if err != nil {
		return false, nil
	}
	if inode.Kind != e.Kind || inode.Size != c.size || inode.Mtime != c.stored.Mtime {
		t.noteChanged(inode, c.in, cmp.Or(c.name, c.path))
		return false, nil
	}
	doubted := !c.own && (c.stranger || !isOurs(inode))
	if (doubted || t.known.isDamaged(e.Digest)) && !t.holds(folder, name, inode, e.Digest) {
		if err := context.Cause(t.ctx); err != nil {
			return false, err
		}
		if !t.known.isDamaged(e.Digest) { // else some file of this content is known to be rotten
			t.noteChanged(inode, c.in, cmp.Or(c.name, c.path))
		}
		return false, nil
	}
	return t.linkIfPossible(folder, name, inode)
}

// isOurs reports whether nobody but root and the user who runs can have written
// the file since it was stored: its owner may write what he likes and set the
// times back.
func isOurs(inode store.Inode) bool {
	return inode.UID == 0 || int64(inode.UID) == int64(os.Geteuid())
}

// holds reports whether what is called name in dir has that content, which only
// reading tells. An inode is read once in a run, whatever its names.
func (t *task) holds(dir *store.Dir, name string, inode store.Inode, d manifest.Digest) bool {
	read, _ := t.hashed.LoadOrStore(inodeRead{idOf(inode), inode.Size, inode.Mtime},
		sync.OnceValues(func() (manifest.Digest, error) { return t.worker.HashStored(t.ctx, dir, name) }))
	found, err := read.(func() (manifest.Digest, error))()
	return err == nil && found == d
}
