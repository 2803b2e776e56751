package backup

import (
	"cmp"
	"context"
	"os"
	"path"
	"sync"

	"phlb/engine/config"
	"phlb/engine/known"
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
		c := known.Candidate{
			Tree: func() (*store.Dir, error) { return own.dir.Descend(".") },
			In:   own.ref, Stranger: own.stranger, Name: own.entry.Path, Path: t.name,
			Size: own.entry.Size, Stored: own.entry.InSnapshot(), Xattrs: own.entry.Xattrs,
		}
		if ok, err := t.linkTo(c, e); ok || err != nil {
			return ok, err
		}
	}
	found, err := t.known.Candidates(t.ctx, e.Digest, e.Size)
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
	return stored.Permissions == e.Permissions && manifest.SameXattrs(manifest.SharedXattrs(xattrs), manifest.SharedXattrs(e.Xattrs))
}

// linkTo links the path of the task to a candidate, if both may share an inode and
// the candidate still is what its manifest says. It reports whether it has.
func (t *task) linkTo(c known.Candidate, e *manifest.Entry) (bool, error) {
	if c.Size != e.Size || !t.agrees(c.Stored, c.Xattrs, e) {
		return false, nil
	}
	if !c.Planned {
		if ok, err := t.linkToWhole(&c, e); err != nil || !ok {
			return false, err
		}
	}
	e.Stored = nil
	if own := (manifest.Stored{Permissions: e.Permissions, Mtime: e.Mtime}); c.Stored != own {
		stored := c.Stored
		e.Stored = &stored
	}
	return true, nil
}

// linkToWhole looks at a candidate, reads it where there is reason to doubt it, and
// links the path of the task to it. It reports whether it has.
func (t *task) linkToWhole(c *known.Candidate, e *manifest.Entry) (bool, error) {
	folder, inode := c.Open()
	if folder == nil {
		return false, nil
	}
	defer folder.Close()
	name := path.Base(c.Path)
	if inode.Kind != e.Kind || inode.Size != c.Size || inode.Mtime != c.Stored.Mtime {
		t.noteChanged(inode, c.In, cmp.Or(c.Name, c.Path))
		return false, nil
	}
	doubted := !c.Own && (c.Stranger || !isOurs(inode))
	if (doubted || t.known.IsDamaged(e.Digest)) && !t.holds(folder, name, inode, e.Digest) {
		if err := context.Cause(t.ctx); err != nil {
			return false, err
		}
		if !t.known.IsDamaged(e.Digest) { // else some file of this content is known to be rotten
			t.noteChanged(inode, c.In, cmp.Or(c.Name, c.Path))
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
	read := sync.OnceValues(func() (manifest.Digest, error) { return t.worker.HashStored(t.ctx, dir, name) })
	if id := idOf(inode); id.Known() {
		of, _ := t.hashed.LoadOrStore(inodeRead{id, inode.Size, inode.Mtime}, read)
		read = of.(func() (manifest.Digest, error))
	}
	found, err := read()
	return err == nil && found == d
}
