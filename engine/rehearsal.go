package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// rehearsal is what a dry run has planned so far. What comes after it sees the
// root as the real run would leave it: with snapshots that are not there, and
// without some that are.
type rehearsal struct {
	dir     string // for what is kept, "" as long as there is nothing
	root    string // that stands in for one that is not there yet
	made    []planned
	removed []store.Ref
	names   map[walk.ID]int64 // how many names more an inode would have, or less
}

// planned is a snapshot that is not there.
type planned struct {
	ref      store.Ref
	manifest string // path of its manifest
}

// Close ends a dry run: it deletes what that has kept, which is nothing in the
// backup root. An engine that changes things need not be closed.
func (repo *Repository) Close() error {
	if repo.rehearsal.dir == "" {
		return nil
	}
	dir := repo.rehearsal.dir
	repo.rehearsal = rehearsal{}
	return os.RemoveAll(dir)
}

// Planned reports whether the snapshot is one that a dry run would have made:
// it can be listed, compared and removed, but there is nothing to read.
func (repo *Repository) Planned(s *Snapshot) bool { return repo.rehearsal.holds(s.Ref()) }

func (h *rehearsal) holds(ref store.Ref) bool {
	return slices.ContainsFunc(h.made, func(p planned) bool { return p.ref == ref })
}

// keep makes the folder for what is kept.
func (h *rehearsal) keep(tempDir string) (err error) {
	if h.dir == "" {
		h.dir, err = os.MkdirTemp(tempDir, "phlb-dry-run-")
	}
	return err
}

// standIn opens an empty root in the place of one that is not there yet.
func (h *rehearsal) standIn(tempDir string) (*store.Root, error) {
	if h.root == "" {
		if err := h.keep(tempDir); err != nil {
			return nil, err
		}
		root := filepath.Join(h.dir, "root")
		if err := os.Mkdir(root, 0o700); err != nil {
			return nil, err
		}
		h.root = root
	}
	return store.Open(h.root)
}

// plan starts a snapshot that is not going to be there. What runs that were cut
// off have left would be gone after it.
func (r *run) plan(ctx context.Context, root *store.Root, name, stamp string) (*store.Partial, error) {
	if err := r.rehearsal.keep(r.env.TempDir); err != nil {
		return nil, err
	}
	p, err := root.Plan(name, stamp, r.rehearsal.dir)
	if err != nil {
		return nil, err
	}
	for _, path := range p.Left {
		if err := walk.EachFile(ctx, path, func(e *walk.Entry) { r.plannedNames[e.ID()]-- }); err != nil && !notFound(err) {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// add takes a snapshot whose manifest is written, and the names that its files
// give to inodes that are there.
func (h *rehearsal) add(p *store.Partial, names map[walk.ID]int64) {
	h.made = append(h.made, planned{p.Ref, p.Manifest.Name()})
	for id, n := range names {
		h.rename(id, n)
	}
}

func (h *rehearsal) rename(id walk.ID, n int64) {
	if h.names == nil {
		h.names = map[walk.ID]int64{}
	}
	h.names[id] += n
}

// remove takes snapshots away, and the names that their files give to inodes.
func (h *rehearsal) remove(snapshots []*Snapshot, names map[walk.ID]int64) {
	for _, s := range snapshots {
		if h.holds(s.Ref()) {
			h.made = slices.DeleteFunc(h.made, func(p planned) bool { return p.ref == s.Ref() })
			continue
		}
		h.removed = append(h.removed, s.Ref())
	}
	for id, n := range names {
		h.rename(id, -n)
	}
}

// show gives root the manifests of snapshots that are not there.
func (h *rehearsal) show(root *store.Root) {
	for _, p := range h.made {
		if root.Planned == nil {
			root.Planned = map[store.Ref]string{}
		}
		root.Planned[p.ref] = p.manifest
	}
}

// apply makes a private copy of the catalog what the real run would leave.
func (h *rehearsal) apply(ctx context.Context, root *store.Root, cat *catalog.Catalog) error {
	if len(h.removed) > 0 {
		var gone []catalog.ID
		for _, ref := range h.removed {
			id, err := number(ctx, cat, ref)
			if err != nil {
				return err
			}
			if id != 0 {
				gone = append(gone, id)
			}
		}
		if err := cat.Remove(ctx, gone...); err != nil {
			return err
		}
	}
	for _, p := range h.made {
		m := sealedManifest{ref: p.ref}
		if err := m.absorb(ctx, root, cat); err != nil {
			return err
		}
	}
	return nil
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
	return int64(other.Links) + r.rehearsal.names[id] + r.plannedNames[id]
}

// carryPlanned is carry from a snapshot that is not there: two of one name were
// planned, and the files have not changed since the first.
func (t *task) carryPlanned(e *walk.Entry, old *manifest.Entry) result {
	res := result{entry: *old, outcome: unchanged}
	res.entry.Ctime, res.entry.Inode, res.entry.Group = e.Ctime, e.Inode, 0
	t.Progress.Bytes.Add(e.Size)
	return res
}
