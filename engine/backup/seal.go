package backup

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dustin/go-humanize/english"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// seal ends the manifest, and has the tree make a snapshot of what was saved.
func (r *run) seal(ctx context.Context, cat *catalog.Catalog, header manifest.Header) (*catalog.Snapshot, error) {
	r.Progress.Phase("seal " + r.partial.Ref.String())
	r.losses.Tell(r.log)
	if err := r.shrunk(); err != nil {
		r.log.Error("the snapshot is not complete", "error", err)
		r.output.summary.Errors++
	}
	r.output.summary.Finished = r.Env.Now()
	if err := r.output.writer.Close(r.output.summary); err != nil {
		return nil, err
	}
	if err := r.partial.Manifest.Close(); err != nil {
		return nil, err
	}
	s := &catalog.Snapshot{Stamp: r.partial.Stamp, Header: header, Summary: r.output.summary}
	return s, r.tree.seal(ctx, cat, s)
}

// shrunk returns an error where the source has so many fewer files than the last
// complete snapshot that a part of it may not be mounted.
func (r *run) shrunk() error {
	found, before := r.output.summary, r.lastComplete
	if before == nil || before.Files == 0 || found.Errors > 0 || r.Config.Shrink == 0 ||
		found.Files > 0 && float64(found.Files) >= r.Config.Shrink*float64(before.Files) {
		return nil
	}
	return fmt.Errorf("the source has %s, %s had %d: look whether all of it is mounted, or accept that with --accept-shrink, in a script with link(…, accept_shrink = True)",
		english.Plural(int(found.Files), "file", ""), before.Stamp, before.Files)
}

// sealAndTell makes the partial a snapshot and tells the catalog.
func (r *run) sealAndTell(ctx context.Context, cat *catalog.Catalog, s *catalog.Snapshot) error {
	if err := errors.Join(r.logSummary(s), r.partial.Log.Close()); err != nil {
		r.Repository.Log.Warn("the log lacks its summary; the manifest has the numbers", "error", err)
	}
	// Noting the changes reads every row of the catalog, and syncing waits for the disk:
	// both are done at the same time.
	var noting sync.WaitGroup
	var failed error
	noting.Go(func() { s.ID, failed = r.commit(ctx, s) })
	unsynced, err := r.sealPartial(ctx)
	noting.Wait()
	if err != nil {
		return err
	}
	if unsynced { // the snapshot is there, but a power loss may lose it: the run is no success
		s.Errors++
	}
	// From here on the snapshot is there, whatever becomes of the catalog.
	if failed == nil {
		failed = r.tell(ctx, cat, s)
	}
	if failed != nil {
		r.Repository.Log.Warn("the snapshot is sealed, but the catalog could not be brought up to date; the next command does it", "error", r.Repository.Legible(failed))
	}
	return nil
}

// sealPartial syncs the partial and renames it to a snapshot. It reports whether the
// renaming could not be synced.
func (r *run) sealPartial(ctx context.Context) (unsynced bool, err error) {
	if err := r.partial.Sync(); err != nil {
		return false, err
	}
	lock, err := r.root.LockSeal(ctx, r.Owner())
	if err != nil {
		return false, err
	}
	defer lock.Unlock()
	if err := r.lock.Held(); err != nil {
		return false, err
	}
	err = r.partial.Seal(ctx)
	if r.root.MadeText() {
		r.Repository.Log.Info("no link to the newest snapshot can be made here: latest.txt beside it has its name")
	}
	var late *store.LateError
	switch {
	case !errors.As(err, &late):
		return false, err
	case late.Unsynced:
		r.Repository.Log.Error("the snapshot is sealed, but not known to have reached the disk: look after the disk, and run phlb verify", "error", err)
	default:
		r.Repository.Log.Warn("the snapshot is sealed, but not all is in order", "error", err)
	}
	return late.Unsynced, nil
}

// commit notes the changes in the private copy of the catalog, and returns the number
// of the snapshot there: 0 where the catalog does not hold the parent.
func (r *run) commit(ctx context.Context, s *catalog.Snapshot) (catalog.ID, error) {
	recorder := r.changes.recorder
	if recorder == nil {
		return 0, nil
	}
	r.changes.recorder = nil
	id, err := recorder.Commit(ctx, *s)
	if errors.Is(err, catalog.ErrBase) {
		err = nil
	}
	return id, err
}

// tell notes the run in the catalog, and publishes it with the snapshot.
func (r *run) tell(ctx context.Context, cat *catalog.Catalog, s *catalog.Snapshot) error {
	outcome := catalog.OK
	if s.Errors > 0 {
		outcome = catalog.Incomplete
	}
	done := r.Ended(r.record, outcome)
	done.Stamp = s.Stamp
	note := func(cat *catalog.Catalog) (err error) {
		if s.ID == 0 {
			s.ID, err = repository.NumberOf(ctx, cat, r.partial.Ref)
		}
		done.Snapshot = s.ID
		cat.NoteRun(done)
		return err
	}
	if s.ID == 0 {
		if _, err := r.CatchUp(ctx, r.root, cat); err != nil {
			return err
		}
	}
	if err := note(cat); err != nil {
		return err
	}
	return r.Publish(ctx, r.root, cat, func(again *catalog.Catalog) error {
		s.ID = 0 // the snapshot may have another number there
		return note(again)
	})
}

// logSummary ends the snapshot's log.
func (r *run) logSummary(s *catalog.Snapshot) error {
	_, err := fmt.Fprintln(r.partial.Log, repository.SummarizeIn(&s.Summary, s.Finished.Sub(r.record.Started)))
	return err
}
