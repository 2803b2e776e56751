package engine

import (
	"context"
	"errors"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// ended returns a run as the catalog is told of it now that it is over.
func (repo *Repository) ended(r catalog.Run, as catalog.Outcome) catalog.Run {
	r.Host, r.Finished, r.Outcome = repo.env.Host, repo.env.Now(), as
	if r.Started.IsZero() { // it failed before it began
		r.Started = r.Finished
	}
	return r
}

// patience is for how long a run that has failed tries to tell the catalog.
const patience = time.Second

// fail has the catalog remember a run that failed, if err says that it did and
// the catalog can be told at once. What hinders that is not said: it would hide
// what is the matter.
func (repo *Repository) fail(ctx context.Context, r catalog.Run, err error) {
	var locked *store.LockedError
	if err == nil || repo.env.DryRun || errors.As(err, &locked) || store.IsFull(err) || r.Name != "" && store.CheckName(r.Name) != nil {
		return
	}
	outcome := catalog.Failed
	if ctx.Err() != nil {
		outcome = catalog.Interrupted
	}
	r.Error = err.Error()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	root, err := repo.openRoot()
	if err != nil {
		return
	}
	defer root.Close()
	cat, err := catalog.Open(repo.Config.Catalog, repo.env.TempDir)
	if err != nil {
		return
	}
	defer cat.Close()
	if cat.Away() != nil {
		return
	}
	if r.Stamp != "" {
		if r.Snapshot, err = number(ctx, cat, store.Ref{Name: r.Name, Stamp: r.Stamp}); err != nil {
			return
		}
	}
	r = repo.ended(r, outcome)
	cat.NoteRun(r)
	_ = repo.publish(ctx, root, cat, noting(r))
}

// noting returns what notes runs again in the catalog that another has
// published meanwhile.
func noting(runs ...catalog.Run) func(*catalog.Catalog) error {
	return func(again *catalog.Catalog) error {
		again.NoteRun(runs...)
		return nil
	}
}
