package backup

import (
	"context"
	"errors"
	"io/fs"

	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// plan starts a snapshot that is not going to be there. What runs that were cut
// off have left would be gone after it.
func (r *run) plan(ctx context.Context, root *store.Root, name, stamp string) (*store.Partial, error) {
	if err := r.Rehearsal.Keep(r.Env.TempDir); err != nil {
		return nil, err
	}
	p, err := root.Plan(name, stamp, r.Rehearsal.Dir)
	if err != nil {
		return nil, err
	}
	for _, path := range p.Left {
		if err := walk.EachFile(ctx, path, func(e *walk.Entry) { r.plannedNames[e.ID()]-- }); err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// plannedLink notes that a dry run would give an inode one more name.
func (r *run) plannedLink(inode store.Inode) {
	r.planning.Lock()
	defer r.planning.Unlock()
	r.plannedNames[walk.ID{Dev: inode.Dev, Inode: inode.Ino}]++
}

// plannedReplace notes that a dry run would give an inode a name of another one.
// It returns how many the other one would have left.
func (r *run) plannedReplace(inode, other store.Inode) (left int64) {
	r.planning.Lock()
	defer r.planning.Unlock()
	id := walk.ID{Dev: other.Dev, Inode: other.Ino}
	r.plannedNames[walk.ID{Dev: inode.Dev, Inode: inode.Ino}]++
	r.plannedNames[id]--
	return int64(other.Links) + r.Rehearsal.Names[id] + r.plannedNames[id]
}

// carryPlanned is carry from a snapshot that is not there: two of one name were
// planned, and the files have not changed since the first.
func (t *task) carryPlanned(e *walk.Entry, old *manifest.Entry) result {
	res := result{entry: *old, outcome: unchanged}
	res.entry.Ctime, res.entry.Inode, res.entry.Group = e.Ctime, e.Inode, 0
	t.Progress.Bytes.Add(e.Size)
	return res
}
