package repository

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// rehearsal is what a dry run has planned so far. The verbs of a dry run see the root as the
// real run would have left it: with snapshots that were only planned, and without snapshots
// that would have been removed.
type rehearsal struct {
	Dir     string      // a temporary folder for planned manifests and the stand-in; "" as long as none was needed
	root    string      // a temporary empty root, in the place of a root that does not exist yet
	made    []planned   // the snapshots that the real run would have made
	removed []store.Ref // the snapshots that the real run would have removed
	Names   NameCounts  // how many names the real run would have given to inodes, and taken from them
}

// planned is a snapshot that a dry run has planned: there is a manifest, and no tree.
type planned struct {
	ref      store.Ref
	manifest string // the path of the manifest
}

// Close ends a dry run: it deletes the temporary files of the dry run, of which none lie in
// the backup root. A repository that is no dry run need not be closed.
func (repo *Repository) Close() error {
	if repo.Rehearsal.Dir == "" {
		return nil
	}
	dir := repo.Rehearsal.Dir
	repo.Rehearsal = rehearsal{}
	return os.RemoveAll(dir)
}

// Planned reports whether a dry run has planned the snapshot. It can be listed, compared and
// removed, but there are no files to read.
func (repo *Repository) Planned(s *Snapshot) bool { return repo.Rehearsal.Holds(s.Ref()) }

// Holds reports whether the snapshot was planned.
func (h *rehearsal) Holds(ref store.Ref) bool {
	return slices.ContainsFunc(h.made, func(p planned) bool { return p.ref == ref })
}

// Keep makes the temporary folder Dir, unless there is one.
func (h *rehearsal) Keep(tempDir string) (err error) {
	if h.Dir == "" {
		h.Dir, err = os.MkdirTemp(tempDir, "phlb-dry-run-")
	}
	return err
}

// standIn opens a temporary empty root, in the place of a root that does not exist yet.
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

// Add adds a planned snapshot whose manifest is written, and the names that its files would
// give to existing inodes.
func (h *rehearsal) Add(p *store.Partial, names *NameCounts) {
	h.made = append(h.made, planned{p.Ref, p.Manifest.Name()})
	h.Names.add(names, 1)
}

// Remove removes snapshots, and the names that their files give to inodes.
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

// Show tells the root where the manifests of planned snapshots lie.
func (h *rehearsal) Show(root *store.Root) {
	for _, p := range h.made {
		if root.Planned == nil {
			root.Planned = map[store.Ref]string{}
		}
		root.Planned[p.ref] = p.manifest
	}
}

// apply changes a private copy of the catalog to what the real run would have left.
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
