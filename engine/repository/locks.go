package repository

import (
	"context"
	"errors"

	"phlb/engine/store"
)

// Locks returns the locks of the root that are held, or were left by processes
// that are gone. Of those on this machine it can tell which.
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

// Unlock breaks the lock of a backup name, or with "" those of the root itself,
// and returns what it broke. Where a holder may be alive, that is a
// [*store.LockedError], unless force is set: a backup whose lock is broken
// seals nothing.
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
