package repository

import (
	"context"
	"errors"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// Ended returns the run as it ends now, with that outcome.
func (repo *Repository) Ended(r catalog.Run, as catalog.Outcome) catalog.Run {
	r.Host, r.Finished, r.Outcome = repo.Env.Host, repo.Env.Now(), as
	if r.Started.IsZero() { // the run has failed before it was started
		r.Started = r.Finished
	}
	return r
}

// patience is how long a run that has failed tries to tell the catalog so.
const patience = time.Second

// NoteFailed notes in the catalog that a run has failed with err, unless err is nil. If that
// is not possible at once, it is left out without a message, which would only distract from
// err.
func (repo *Repository) NoteFailed(ctx context.Context, r catalog.Run, err error) {
	var locked *store.LockedError
	if err == nil || repo.Env.DryRun || errors.As(err, &locked) || r.Name != "" && store.CheckName(r.Name) != nil {
		return
	}
	outcome := catalog.Failed
	if ctx.Err() != nil {
		outcome = catalog.Interrupted
	}
	r.Error = err.Error()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	root, err := repo.OpenRoot()
	if err != nil {
		return
	}
	defer root.Close()
	cat, err := repo.openPlain(root, catalog.Open)
	if err != nil {
		return
	}
	defer cat.Close()
	if r.Stamp != "" {
		if r.Snapshot, err = NumberOf(ctx, cat, store.Ref{Name: r.Name, Stamp: r.Stamp}); err != nil {
			return
		}
	}
	r = repo.Ended(r, outcome)
	cat.NoteRun(r)
	_ = repo.Publish(ctx, root, cat, Noting(r))
}

// NoteRun has the root remember a run that has ended.
func (repo *Repository) NoteRun(ctx context.Context, r catalog.Run) error {
	if err := repo.MayWrite(); err != nil {
		return err
	}
	root, err := repo.OpenRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	cat, err := repo.OpenCatalog(ctx, root)
	if err != nil {
		return err
	}
	defer cat.Close()
	if r.Stamp != "" {
		if r.Snapshot, err = NumberOf(ctx, cat, store.Ref{Name: r.Name, Stamp: r.Stamp}); err != nil {
			return err
		}
	}
	cat.NoteRun(r)
	err = repo.Publish(ctx, root, cat, Noting(r))
	var late *LateError
	if errors.As(err, &late) { // the journal has it, and the next command tells the catalog
		return nil
	}
	return err
}

// Noting returns a function that notes runs, as the parameter redo of [Repository.Publish].
func Noting(runs ...catalog.Run) func(*catalog.Catalog) error {
	return func(again *catalog.Catalog) error {
		again.NoteRun(runs...)
		return nil
	}
}
