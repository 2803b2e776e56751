package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"phlb/engine/handle"
	"phlb/engine/lock"
	"phlb/engine/manifest"
	"phlb/engine/store/deletion"
)

const (
	// removed begins the name of a tree that is removed and not deleted yet. No
	// snapshot is called so, and the name is as long as that of a manifest.
	removed = ".removed-"
	// aside marks what is discarded while another of its stamp still lies there.
	aside = "~"
)

// Trash is what snapshots become that are removed: each is gone in a single step,
// by a name beside its old one, and deleted then. That takes neither room nor an
// inode, and no other file system is in the way. Nobody else does so meanwhile.
type Trash struct {
	root *Root
	lock *Lock
	own  []Ref // what was discarded, by its new name

	deleters int // how many directories are emptied at a time
}

// OpenTrash waits until nobody else has it open. The caller must close it.
func (r *Root) OpenTrash(ctx context.Context, owner Owner) (*Trash, error) {
	held, err := r.take(ctx, trashLock, owner, lock.Forever)
	if err != nil {
		return nil, err
	}
	r.sweepWorkshops()
	return &Trash{root: r, lock: held, deleters: 4}, nil
}

// Close lets others open it.
func (t *Trash) Close() error { return t.lock.Unlock() }

// Discard takes a snapshot away in a single step, and then the files beside it that
// are called like it, with one of these suffixes. The caller holds the lock of its
// name.
func (t *Trash) Discard(ref Ref, beside ...string) error {
	if err := t.discard(ref, beside); err != nil {
		return fmt.Errorf("remove %s: %w", ref, err)
	}
	return nil
}

func (t *Trash) discard(ref Ref, beside []string) error {
	folder, err := t.root.dir.Open(ref.Name)
	if err != nil {
		return err
	}
	defer folder.Close()
	gone := removed + ref.Stamp
	for {
		_, err := folder.Look(gone)
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
	switch err := folder.Rename(ref.Stamp, folder, gone); {
	case err == nil:
		t.own = append(t.own, Ref{ref.Name, gone})
	case !exists(folder, ref.Stamp): // somebody else has deleted it
	case errors.Is(err, syscall.EXDEV):
		return fmt.Errorf("%w: an overlay moves no folder of a lower layer: mount it with redirect_dir=on", err)
	default:
		return err
	}
	if err := removeRecord(folder, ref.Stamp); err != nil {
		return err
	}
	for _, suffix := range beside {
		if err := folder.Remove(ref.Stamp + suffix); err != nil {
			return err
		}
	}
	return nil
}

func exists(dir *Dir, name string) bool {
	_, err := dir.Look(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// removeRecord removes what lies beside a tree that is gone.
func removeRecord(folder *Dir, stamp string) error {
	for _, a := range manifest.Algorithms {
		if err := folder.Remove(stamp + a.Suffix()); err != nil {
			return err
		}
	}
	return folder.Remove(stamp + logSuffix)
}

// Empty deletes what was discarded, and then what others have left who were
// killed over it. It counts what the first sets free, and adds the regular files
// to deleted as it goes. What cannot be deleted does not keep the rest from it,
// and is tried again by the next removal.
func (t *Trash) Empty(ctx context.Context, deleted *atomic.Int64) (deletion.Freed, error) {
	own := deletion.New(ctx, t.deleters, deleted)
	var failed []error
	for _, ref := range t.own {
		failed = append(failed, t.delete(ctx, own, ref))
	}
	// Only then: a file that is also there is not what this removal sets free.
	left, err := t.left()
	failed = append(failed, err)
	others := deletion.New(ctx, t.deleters, new(atomic.Int64))
	for _, ref := range left {
		failed = append(failed, t.delete(ctx, others, ref))
	}
	err = errors.Join(failed...)
	if err != nil {
		err = fmt.Errorf("not all that was removed could be deleted, the next removal tries again: %w", err)
	}
	return own.Freed(), err
}

// left returns what removals that were cut off have left.
func (t *Trash) left() (refs []Ref, err error) {
	names, err := t.root.Names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		list, err := t.root.list(name)
		if err := deletion.UnlessGone(err); err != nil {
			return nil, err
		}
		for _, c := range list {
			if ref := (Ref{name, c.Name}); isRemoved(c) && !slices.Contains(t.own, ref) {
				refs = append(refs, ref)
			}
		}
	}
	return refs, nil
}

func isRemoved(c handle.Child) bool {
	return c.Kind == manifest.Dir && strings.HasPrefix(c.Name, removed)
}

// delete deletes a tree that is removed, and before it what may still lie beside
// the place that the tree had.
func (t *Trash) delete(ctx context.Context, d *deletion.Deletion, gone Ref) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	folder, err := t.root.dir.Open(gone.Name)
	if err != nil {
		return deletion.UnlessGone(err)
	}
	defer folder.Close()
	if stamp := strings.TrimRight(strings.TrimPrefix(gone.Stamp, removed), aside); !exists(folder, stamp) {
		if err := removeRecord(folder, stamp); err != nil {
			return err
		}
	}
	return deletion.Below(gone.Name, d.Tree(folder, gone.Stamp))
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
