package backup

import (
	"path"

	"phlb/engine/config"
	"phlb/engine/known"
	"phlb/engine/manifest"
	"phlb/engine/store"
)

// linkKnown links the path of the task to a file under the root that has the digest of
// e and may share its inode with e. It reports whether there was one.
func (t *task) linkKnown(e *manifest.Entry) (bool, error) {
	for _, own := range []origin{t.parent, t.resumed} {
		if own.entry == nil || own.dir == nil || own.entry.Kind != manifest.File || own.entry.Digest != e.Digest {
			continue
		}
		c := known.Candidate{
			Tree: func() (*store.Dir, error) { return own.dir.Descend(".") },
			In:   own.Ref, Stranger: own.OtherHost, Name: own.entry.Path, Path: t.name,
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

// agrees reports whether e may share an inode that was stored with that metadata, by
// the setting match.
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
// the candidate still is what its manifest says. It reports whether it has, and notes in
// e the metadata of the shared inode where they are not those of e.
func (t *task) linkTo(c known.Candidate, e *manifest.Entry) (bool, error) {
	if c.Size != e.Size || !t.agrees(c.Stored, c.Xattrs, e) {
		return false, nil
	}
	if !c.Planned {
		if ok, err := t.linkToFile(&c, e); err != nil || !ok {
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

// linkToFile looks at a candidate, and links the path of the task to it. It reports
// whether it has.
func (t *task) linkToFile(c *known.Candidate, e *manifest.Entry) (bool, error) {
	folder, file, err := t.known.Open(t.ctx, t.worker, c, e)
	if folder == nil || err != nil {
		return false, err
	}
	defer folder.Close()
	return t.linkIfPossible(folder, path.Base(c.Path), file)
}
