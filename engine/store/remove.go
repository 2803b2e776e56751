package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const trash = "trash"

// Discard takes a snapshot away in a single step: it is moved to a folder of
// ours, which [Root.Sweep] empties. The caller holds the lock of its name.
func (r *Root) Discard(ref Ref) error {
	if err := r.discard(ref); err != nil {
		return fmt.Errorf("remove %s: %w", ref, err)
	}
	return nil
}

func (r *Root) discard(ref Ref) error {
	folder := filepath.Join(r.Path, internal, trash, ref.Name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	gone := filepath.Join(folder, ref.Stamp)
	if err := removeTree(gone); err != nil { // of one that had the same name
		return err
	}
	// The tree goes first: without its manifest it would look like one that was
	// put there by hand, and a manifest without its tree is of no snapshot.
	if err := moveTree(r.SnapshotPath(ref), gone); err != nil {
		return err
	}
	return r.removeRecord(ref)
}

// removeRecord removes what lies beside a tree that is gone.
func (r *Root) removeRecord(ref Ref) error {
	if err := remove(r.ManifestPath(ref)); err != nil {
		return err
	}
	return remove(r.LogPath(ref))
}

// Sweep deletes what was discarded, also by those who were killed over it.
// Others who do the same wait.
func (r *Root) Sweep(ctx context.Context, owner Owner) error {
	lock, err := r.lock(ctx, trash, owner, true)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := r.sweep(ctx); err != nil {
		return fmt.Errorf("delete what was removed: %w", err)
	}
	return nil
}

func (r *Root) sweep(ctx context.Context) error {
	dir := filepath.Join(r.Path, internal, trash)
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		folder := filepath.Join(dir, name.Name())
		stamps, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, stamp := range stamps {
			ref := Ref{name.Name(), stamp.Name()}
			if _, err := os.Lstat(r.SnapshotPath(ref)); errors.Is(err, fs.ErrNotExist) {
				if err := r.removeRecord(ref); err != nil {
					return err
				}
			}
			if err := deleteTree(ctx, filepath.Join(folder, stamp.Name())); err != nil {
				return err
			}
		}
		if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
