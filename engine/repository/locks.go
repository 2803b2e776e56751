package repository

import (
	"context"
	"errors"

	"phlb/engine/store"
)

// Locks returns the locks of the root. The holder of a lock may be gone; of processes on
// this machine that is known.
func (repo *Repository) Locks() ([]store.Held, error) {
	root, err := repo.OpenRoot()
	if errors.Is(err, ErrNoRoot) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Locks(repo.Owner())
}

// Unlock breaks the lock of a backup name, or with "" the locks of the whole root, and
// returns the locks that it has broken. Where a holder may be alive, the error is a
// [*store.LockedError], unless force is true. A backup whose lock was broken seals nothing.
func (repo *Repository) Unlock(ctx context.Context, name string, force bool) ([]store.Held, error) {
	if err := repo.MayWrite(); err != nil {
		return nil, err
	}
	root, err := repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Break(ctx, name, repo.Owner(), force)
}
