package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

const trash = "trash"

// aside marks what is discarded while another of its stamp still lies there.
const aside = "~"

// Trash is the folder of ours that snapshots are moved to, so that each is gone
// in a single step, and that is emptied then. Nobody else does so meanwhile.
type Trash struct {
	root *Root
	lock *Lock
	own  []string // folders of what was discarded

	deleters int // how many directories are emptied at a time
}

// OpenTrash waits until nobody else has it open. The caller must close it.
func (r *Root) OpenTrash(ctx context.Context, owner Owner) (*Trash, error) {
	lock, err := r.lock(ctx, trash, owner, true)
	if err != nil {
		return nil, err
	}
	return &Trash{root: r, lock: lock, deleters: 4}, nil
}

// Close lets others open it.
func (t *Trash) Close() error { return t.lock.Unlock() }

// Discard takes a snapshot away in a single step. The caller holds the lock of
// its name.
func (t *Trash) Discard(ref Ref) error {
	if err := t.discard(ref); err != nil {
		return fmt.Errorf("remove %s: %w", ref, err)
	}
	return nil
}

func (t *Trash) path() string { return filepath.Join(t.root.Path, internal, trash) }

func (t *Trash) discard(ref Ref) error {
	gone := filepath.Join(t.path(), ref.String())
	if err := os.MkdirAll(filepath.Dir(gone), 0o700); err != nil {
		return err
	}
	for {
		_, err := os.Lstat(gone)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		gone += aside
	}
	// The tree goes first: without its manifest it would look like one that was
	// put there by hand, and a manifest without its tree is of no snapshot.
	switch err := moveTree(t.root.SnapshotPath(ref), gone); {
	case err == nil:
		t.own = append(t.own, gone)
	case exists(t.root.SnapshotPath(ref)): // else somebody else has deleted it
		return err
	}
	return t.root.removeRecord(ref)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// removeRecord removes what lies beside a tree that is gone.
func (r *Root) removeRecord(ref Ref) error {
	if err := remove(r.ManifestPath(ref)); err != nil {
		return err
	}
	return remove(r.LogPath(ref))
}

// Empty deletes what was discarded, and then what others have left who were
// killed over it. It counts what the first sets free, and adds the regular files
// to deleted as it goes.
func (t *Trash) Empty(ctx context.Context, deleted *atomic.Int64) (Freed, error) {
	own := newDeletion(ctx, t.deleters, deleted)
	err := t.empty(own)
	if err == nil {
		// Only then: a file that is also there is not what this removal sets free.
		err = t.sweep(newDeletion(ctx, t.deleters, new(atomic.Int64)))
	}
	if err != nil {
		err = fmt.Errorf("not all that was removed could be deleted from %s, the next removal tries again: %w", t.path(), err)
	}
	return own.freed(), err
}

func (t *Trash) empty(d *deletion) error {
	for _, path := range t.own {
		if err := d.tree(path); err != nil {
			return err
		}
	}
	return nil
}

func (t *Trash) sweep(d *deletion) error {
	names, err := os.ReadDir(t.path())
	if err != nil {
		return unlessGone(err)
	}
	for _, name := range names {
		folder := filepath.Join(t.path(), name.Name())
		stamps, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, stamp := range stamps {
			ref := Ref{name.Name(), strings.TrimRight(stamp.Name(), aside)}
			if !exists(t.root.SnapshotPath(ref)) {
				if err := t.root.removeRecord(ref); err != nil {
					return err
				}
			}
			if err := d.tree(filepath.Join(folder, stamp.Name())); err != nil {
				return err
			}
		}
		if err := remove(folder); err != nil {
			return err
		}
	}
	return nil
}

// Point makes latest a link to the snapshot. The caller holds the lock of its
// name.
func (r *Root) Point(ref Ref) error {
	if err := r.point(ref); err != nil {
		return fmt.Errorf("point latest to %s: %w", ref, err)
	}
	return nil
}
