package repository

import (
	"errors"
	"fmt"
	"io/fs"

	"phlb/engine/store"
)

var (
	// ErrNoRoot says that there is no backup root yet.
	ErrNoRoot = errors.New("there is no backup root yet: make a first backup, or set backup_path")
	// ErrRootGone says that there is no backup root where there was one.
	ErrRootGone = errors.New("the backup root that was here is gone: is the disk mounted? To make a new root here, use --new-root")
	// ErrForeignRoot says that nothing is to be written to a root.
	ErrForeignRoot = errors.New("nothing is written to a root that is opened with --foreign-root")
	// ErrReadOnly says the same of a root that is only looked at.
	ErrReadOnly = errors.New("the backup root is open to be looked at, and nothing is written there")
	// ErrOtherRoot says that another backup root is where one was before.
	ErrOtherRoot = errors.New("this is another backup root than those that were here before: is the right disk mounted? To go on with this one, use --new-root")
)

// OpenRoot opens the root for reading. The errors are [ErrNoRoot] where none was
// made yet, [ErrRootGone] and [ErrOtherRoot].
func (repo *Repository) OpenRoot() (*store.Root, error) {
	root, err := store.Open(repo.Config.BackupPath)
	if errors.Is(err, fs.ErrNotExist) {
		if repo.Rehearsal.root != "" {
			root, err := repo.Rehearsal.standIn(repo.Env.TempDir)
			if err == nil {
				repo.Rehearsal.Show(root)
			}
			return root, err
		}
		if repo.remembered() && !repo.Env.NewRoot {
			return nil, fmt.Errorf("%s: %w", repo.Config.BackupPath, ErrRootGone)
		}
		return nil, fmt.Errorf("%s: %w", repo.Config.BackupPath, ErrNoRoot)
	}
	if err != nil {
		return nil, err
	}
	if repo.Env.ForeignRoot {
		return root, nil
	}
	if err := repo.recognise(root); err != nil {
		root.Close()
		return nil, err
	}
	repo.Rehearsal.Show(root)
	return root, nil
}

// RootToWrite returns the root, made where it is missing. A dry run changes
// nothing: a root that is missing is replaced by an empty folder of the dry run's
// own.
func (repo *Repository) RootToWrite() (*store.Root, error) {
	if err := repo.MayWrite(); err != nil {
		return nil, err
	}
	root, err := repo.ExistingRoot()
	switch {
	case !errors.Is(err, ErrNoRoot):
		return root, err
	case repo.Env.DryRun:
		return repo.Rehearsal.standIn(repo.Env.TempDir)
	}
	return repo.create()
}

// ExistingRoot is RootToWrite for a root that must exist: the error is [ErrNoRoot]
// where none does.
func (repo *Repository) ExistingRoot() (*store.Root, error) {
	if err := repo.MayWrite(); err != nil {
		return nil, err
	}
	root, err := repo.OpenRoot()
	if err != nil || repo.Env.DryRun {
		return root, err
	}
	root.Close()
	return repo.create()
}

// create opens the root, and makes what is missing of it.
func (repo *Repository) create() (*store.Root, error) {
	root, err := store.Create(repo.Config.BackupPath)
	if err != nil {
		return nil, err
	}
	if err := repo.identify(root); err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

// identify gives a root its identity, if it has none, and remembers it.
func (repo *Repository) identify(root *store.Root) error {
	_, err := root.Identity()
	isNew := errors.Is(err, fs.ErrNotExist)
	id, err := root.Identify(repo.Env.Now())
	if err != nil {
		return err
	}
	if isNew {
		if names, err := root.Names(); err == nil && len(names) == 0 {
			repo.Log.Warn("made a new backup root", "path", root.Path)
		}
	}
	repo.remember(id)
	return nil
}

// recognise compares the root with those that were at its path before. What this
// user may not look into is let pass.
func (repo *Repository) recognise(root *store.Root) error {
	if repo.Env.StateDir == "" {
		return nil
	}
	known := repo.roots()
	id, err := root.Identity()
	switch {
	case repo.Env.NewRoot && err != nil:
		return nil
	case errors.Is(err, fs.ErrNotExist) && len(known.IDs) > 0:
		return fmt.Errorf("%s: %w", repo.Config.BackupPath, ErrRootGone)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil
	case err != nil:
		return err
	case len(known.IDs) > 0 && !known.has(id) && !repo.Env.NewRoot:
		return fmt.Errorf("%s: %w", repo.Config.BackupPath, ErrOtherRoot)
	}
	repo.remember(id)
	return nil
}
