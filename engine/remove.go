package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"phlb/engine/catalog"
	"phlb/engine/foreign"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

var (
	// ErrNewest says that a snapshot is the last resort of its name.
	ErrNewest = errors.New("is the newest complete snapshot of its name, which is never removed")
	// ErrNoneComplete says the same of one that is not complete.
	ErrNoneComplete = errors.New("is the newest snapshot of its name, of which none is complete: it is never removed")
	// ErrPinned says that a snapshot is to be kept.
	ErrPinned = errors.New(`is tagged "` + repository.PinnedTag + `" and therefore kept`)
)

// Remove removes snapshots: all of them, or none where one must not be. Each
// disappears in a single step, before anything is deleted, so that a kill at
// any moment leaves every snapshot whole or gone. What the system refuses to
// remove or to delete keeps nothing else from it; the error tells of it, and the
// result of the rest.
func (e *Engine) Remove(ctx context.Context, snapshots ...*repository.Snapshot) (_ *repository.Removal, err error) {
	snapshots = distinct(snapshots)
	history := catalog.Run{Verb: "remove", Started: e.repo.Env.Now()}
	if names := namesOf(snapshots); len(names) == 1 {
		history.Name = names[0]
	}
	defer func() { e.repo.NoteFailed(ctx, history, err) }()
	if err := e.repo.MayWrite(); err != nil {
		return nil, err
	}
	root, err := e.repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if !e.repo.Env.DryRun {
		root.Draw()
		for _, name := range namesOf(snapshots) {
			lock, err := root.LockName(ctx, name, e.repo.Owner(), e.repo.Env.Wait)
			if err != nil {
				return nil, err
			}
			defer lock.Unlock()
		}
	}
	cat, err := e.repo.OpenCatalog(ctx, root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	all = repository.AheadLast(all, e.repo.Env.Now(), repository.StartOf)
	numbers, err := removable(all, snapshots)
	if err != nil {
		return nil, err
	}
	defer e.Progress.Begin("remove")()
	r := &repository.Removal{Snapshots: snapshots}
	if e.repo.Env.DryRun {
		names, err := e.measure(ctx, root, r)
		if err != nil {
			return nil, fmt.Errorf("remove %w", err)
		}
		e.repo.Rehearsal.Remove(snapshots, names)
		return r, nil
	}
	trash, err := root.OpenTrash(ctx, e.repo.Owner())
	if err != nil && len(snapshots) == 0 && ctx.Err() == nil {
		return r, nil // what an earlier run has left can wait
	}
	if err != nil {
		return nil, err
	}
	defer trash.Close()
	// From the first on, what is removed is gone, and told of, whatever becomes of
	// the others.
	var stays []error
	var gone []catalog.ID
	r.Snapshots = nil
	for i, s := range snapshots {
		if err := trash.Discard(s.Ref(), foreign.Of(s.Tags).Beside()...); err != nil {
			stays = append(stays, err)
			continue
		}
		r.Snapshots = append(r.Snapshots, s)
		gone = append(gone, numbers[i])
		e.Progress.TotalFiles.Add(s.Files)
	}
	if len(stays) > 0 && len(gone) == 0 {
		return nil, errors.Join(stays...)
	}
	snapshots = r.Snapshots
	left := slices.DeleteFunc(all, func(s catalog.Snapshot) bool { return slices.Contains(gone, s.ID) })
	for _, name := range namesOf(snapshots) {
		if s := repository.Newest(left, name); s != nil {
			if err := root.Point(store.Ref{Name: name, Stamp: s.Stamp}); err != nil {
				e.repo.Log.Warn("the snapshots are removed, but not all is in order", "error", err)
			}
		}
	}
	// The snapshots are gone, whatever becomes of the catalog and of what is left
	// of them: neither waits for the other.
	var removed []catalog.Run
	for i, s := range snapshots {
		run := e.repo.Ended(history, catalog.OK)
		run.Name, run.Stamp, run.Snapshot = s.Name, s.Stamp, gone[i]
		removed = append(removed, run)
	}
	tell := func(cat *catalog.Catalog) error {
		cat.NoteRun(removed...)
		return e.repo.Publish(ctx, root, cat, repository.Noting(removed...))
	}
	var telling sync.WaitGroup
	var untold error
	telling.Go(func() {
		if untold = cat.Remove(ctx, gone...); untold == nil {
			untold = tell(cat)
		}
	})
	freed, err := trash.Empty(ctx, &e.Progress.Files)
	telling.Wait()
	r.Files, r.Bytes = freed.Files, freed.Bytes
	if store.IsFull(untold) && err == nil {
		// Now there is room.
		again, opened := e.repo.OpenCatalog(ctx, root)
		if untold = opened; opened == nil {
			defer again.Close()
			untold = tell(again)
		}
	}
	if untold != nil {
		e.repo.Log.Warn("the snapshots are removed, but the catalog could not be brought up to date; the next command does it", "error", e.repo.Legible(untold))
	}
	if len(stays) > 0 {
		err = errors.Join(fmt.Errorf("%w; removed all the same: %s", errors.Join(stays...), r), err)
	}
	return r, err
}

// distinct leaves out snapshots that were given before.
func distinct(snapshots []*repository.Snapshot) (list []*repository.Snapshot) {
	known := map[store.Ref]bool{}
	for _, s := range snapshots {
		if !known[s.Ref()] {
			known[s.Ref()] = true
			list = append(list, s)
		}
	}
	return list
}

func namesOf(snapshots []*repository.Snapshot) []string {
	var names []string
	for _, s := range snapshots {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// removable returns the catalog's numbers of the snapshots, or an error where one
// of them has to stay.
func removable(all []catalog.Snapshot, snapshots []*repository.Snapshot) (numbers []catalog.ID, err error) {
	ids := map[store.Ref]catalog.ID{}
	last := map[string]catalog.Snapshot{} // resort of each name
	for _, a := range all {               // the newest first
		ref := store.Ref{Name: a.Name, Stamp: a.Stamp}
		ids[ref] = a.ID
		if kept, found := last[a.Name]; !found || kept.Errors > 0 && a.Errors == 0 {
			last[a.Name] = a
		}
	}
	for _, s := range snapshots {
		switch id, known := ids[s.Ref()]; {
		case !known:
			return nil, fmt.Errorf("remove %s: %w: it was removed meanwhile", s.Ref(), repository.ErrNoSnapshot)
		case s.Pinned():
			return nil, fmt.Errorf("remove: %s %w", s.Ref(), ErrPinned)
		case last[s.Name].Stamp == s.Stamp && last[s.Name].Errors > 0:
			return nil, fmt.Errorf("remove: %s %w", s.Ref(), ErrNoneComplete)
		case last[s.Name].Stamp == s.Stamp:
			return nil, fmt.Errorf("remove: %s %w", s.Ref(), ErrNewest)
		default:
			numbers = append(numbers, id)
		}
	}
	return numbers, nil
}

// measure finds the inodes all of whose names lie in the snapshots. It returns
// how many names of an inode do that has, or in a dry run would have, several.
func (e *Engine) measure(ctx context.Context, root *store.Root, r *repository.Removal) (names *repository.NameCounts, err error) {
	names = &repository.NameCounts{}
	for _, s := range r.Snapshots {
		e.Progress.TotalFiles.Add(s.Files)
	}
	for _, s := range r.Snapshots {
		if e.repo.Planned(s) {
			r.Files += s.New
			r.Bytes += s.NewBytes
			continue
		}
		tree, err := root.OpenSnapshot(s.Ref())
		if err != nil {
			return nil, err
		}
		err = walk.EachFile(ctx, walk.Of(&tree.Dir), func(entry *walk.Entry) {
			e.Progress.Files.Add(1)
			if total := int64(entry.Nlink) + e.repo.Rehearsal.Names.Of(entry.ID()); total > 1 && names.Add(entry.ID(), 1) < total {
				return
			}
			r.Files++
			r.Bytes += entry.Size
		})
		tree.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Ref(), err)
		}
	}
	return names, nil
}
