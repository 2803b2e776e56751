package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync/atomic"

	"phlb/engine/manifest"
)

const trash = "trash"

// aside marks what is discarded while another of its stamp still lies there.
const aside = "~"

// Trash is the folder of ours that snapshots are moved to, so that each is gone
// in a single step, and that is emptied then. Nobody else does so meanwhile.
type Trash struct {
	root *Root
	lock *Lock
	own  []Ref // what was discarded, by its place there

	deleters int // how many directories are emptied at a time
}

// OpenTrash waits until nobody else has it open. The caller must close it.
func (r *Root) OpenTrash(ctx context.Context, owner Owner) (*Trash, error) {
	lock, err := r.lock(ctx, trash, owner, endless)
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

func (t *Trash) discard(ref Ref) error {
	bin, err := t.root.ours(trash, ref.Name)
	if err != nil {
		return err
	}
	defer bin.Close()
	gone := ref.Stamp
	for {
		_, err := bin.Look(gone)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		gone += aside
	}
	folder, err := t.root.dir.Open(ref.Name)
	if err != nil {
		return err
	}
	defer folder.Close()
	// The tree goes first: without its manifest it would look like one that was
	// put there by hand, and a manifest without its tree is of no snapshot.
	switch err := moveTree(folder, ref.Stamp, bin, gone); {
	case err == nil:
		t.own = append(t.own, Ref{ref.Name, gone})
	case exists(folder, ref.Stamp): // else somebody else has deleted it
		return err
	}
	return removeRecord(folder, ref.Stamp)
}

func exists(dir *Dir, name string) bool {
	_, err := dir.Look(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// removeRecord removes what lies beside a tree that is gone.
func removeRecord(folder *Dir, stamp string) error {
	if err := folder.Remove(stamp + manifest.Suffix); err != nil {
		return err
	}
	return folder.Remove(stamp + logSuffix)
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
		err = fmt.Errorf("not all that was removed could be deleted from %s, the next removal tries again: %w",
			filepath.Join(t.root.Path, internal, trash), err)
	}
	return own.freed(), err
}

func (t *Trash) empty(d *deletion) error {
	for _, own := range t.own {
		bin, err := t.root.ours(trash, own.Name)
		if err != nil {
			return err
		}
		err = d.folder(bin, own.Stamp)
		bin.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Trash) sweep(d *deletion) error {
	bin, err := t.root.ours(trash)
	if err != nil {
		return err
	}
	defer bin.Close()
	names, err := bin.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.sweepName(d, bin, name); err != nil {
			return err
		}
		if err := bin.RemoveDir(name); err != nil {
			return err
		}
	}
	return nil
}

func (t *Trash) sweepName(d *deletion, bin *Dir, name string) error {
	left, err := bin.Open(name)
	if err != nil {
		return err
	}
	defer left.Close()
	stamps, err := left.Names()
	if err != nil {
		return err
	}
	folder, err := t.root.dir.Open(name)
	if err := unlessGone(err); err != nil {
		return err
	}
	if folder != nil {
		defer folder.Close()
	}
	for _, stamp := range stamps {
		if tree := strings.TrimRight(stamp, aside); folder != nil && !exists(folder, tree) {
			if err := removeRecord(folder, tree); err != nil {
				return err
			}
		}
		if err := d.folder(left, stamp); err != nil {
			return err
		}
	}
	return nil
}

// Point makes latest a link to the snapshot. The caller holds the lock of its
// name.
func (r *Root) Point(ref Ref) error {
	folder, err := r.dir.Open(ref.Name)
	if err == nil {
		err = r.point(folder, ref)
		folder.Close()
	}
	if err != nil {
		return fmt.Errorf("point latest to %s: %w", ref, err)
	}
	return nil
}
