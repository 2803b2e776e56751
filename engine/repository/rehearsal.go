package repository

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// rehearsal is what a dry run has planned so far. What comes after it sees the
// root as the real run would leave it: with snapshots that are not there, and
// without some that are.
type rehearsal struct {
	Dir     string      // a temporary folder for manifests and the root; "" as long as none was needed
	root    string      // an empty root that stands in for one that is not there yet
	made    []planned   // the snapshots that the real run would have made
	removed []store.Ref // the snapshots that the real run would have removed
	Names   NameCounts  // what the names of inodes would have gained or lost
}

// planned is a snapshot that is not there.
type planned struct {
	ref      store.Ref
	manifest string // path of its manifest
}

// Close ends a dry run: it deletes what the dry run has kept, which is nothing in
// the backup root. An engine that changes things need not be closed.
func (repo *Repository) Close() error {
	if repo.Rehearsal.Dir == "" {
		return nil
	}
	dir := repo.Rehearsal.Dir
	repo.Rehearsal = rehearsal{}
	return os.RemoveAll(dir)
}

// Planned reports whether the snapshot is one that a dry run would have made:
// it can be listed, compared and removed, but there is nothing to read.
func (repo *Repository) Planned(s *Snapshot) bool { return repo.Rehearsal.Holds(s.Ref()) }

// Holds reports whether the snapshot is a planned one.
func (h *rehearsal) Holds(ref store.Ref) bool {
	return slices.ContainsFunc(h.made, func(p planned) bool { return p.ref == ref })
}

// Keep makes the folder Dir, unless there is one.
func (h *rehearsal) Keep(tempDir string) (err error) {
	if h.Dir == "" {
		h.Dir, err = os.MkdirTemp(tempDir, "phlb-dry-run-")
	}
	return err
}

// standIn opens an empty root in the place of one that is not there yet.
func (h *rehearsal) standIn(tempDir string) (*store.Root, error) {
	if h.root == "" {
		if err := h.Keep(tempDir); err != nil {
			return nil, err
		}
		root := filepath.Join(h.Dir, "root")
		if err := os.Mkdir(root, 0o700); err != nil {
			return nil, err
		}
		h.root = root
	}
	return store.Open(h.root)
}

// Add takes a snapshot whose manifest is written, and the names that its files
// give to inodes that are there.
func (h *rehearsal) Add(p *store.Partial, names *NameCounts) {
	h.made = append(h.made, planned{p.Ref, p.Manifest.Name()})
	h.Names.add(names, 1)
}

// Remove takes snapshots away, and the names that their files give to inodes.
func (h *rehearsal) Remove(snapshots []*Snapshot, names *NameCounts) {
	for _, s := range snapshots {
		if h.Holds(s.Ref()) {
			h.made = slices.DeleteFunc(h.made, func(p planned) bool { return p.ref == s.Ref() })
			continue
		}
		h.removed = append(h.removed, s.Ref())
	}
	h.Names.add(names, -1)
}

// Show tells root of the manifests of planned snapshots.
func (h *rehearsal) Show(root *store.Root) {
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
			id, err := NumberOf(ctx, cat, ref)
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
