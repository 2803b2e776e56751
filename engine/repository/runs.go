package repository

import (
	"context"
	"errors"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// Ended returns a run that ends now, with that outcome, as the catalog will
// remember it.
func (repo *Repository) Ended(r catalog.Run, as catalog.Outcome) catalog.Run {
	r.Host, r.Finished, r.Outcome = repo.Env.Host, repo.Env.Now(), as
	if r.Started.IsZero() { // it failed before it began
		r.Started = r.Finished
	}
	return r
}

// patience is how long a run that has failed tries to tell the catalog so.
const patience = time.Second

// NoteFailed has the catalog remember a run that ended with err, unless that is nil.
// If the catalog cannot be told at once, the run is not remembered, and nothing is
// said about it: a second message would hide what is the matter.
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

// Noting returns a function that notes runs, for [Repository.Publish] to call where
// another process has published meanwhile.
func Noting(runs ...catalog.Run) func(*catalog.Catalog) error {
	return func(again *catalog.Catalog) error {
		again.NoteRun(runs...)
		return nil
	}
}
