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
	// ErrForeignRoot says that nothing may be written, since the root is somebody else's.
	ErrForeignRoot = errors.New("nothing is written to a root that is opened with --foreign-root")
	// ErrReadOnly says that nothing may be written, since the root is only read.
	ErrReadOnly = errors.New("the backup root is open to be looked at, and nothing is written there")
	// ErrOpenFiles says that more files would have to be open than may be.
	ErrOpenFiles = errors.New("allow more open files, as with ulimit -n, and run again")
	// ErrOtherRoot says that there is another backup root than before.
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

// RootToWrite opens the root for writing, and makes it if it is missing. In a dry run a
// temporary empty root takes the place of a missing one.
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

// ExistingRoot is RootToWrite for a root that must exist. The error is [ErrNoRoot] where it
// does not.
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

// identify gives the root an identity, if it has none, and remembers the root.
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
	repo.remember(id, isNew || repo.Env.NewRoot)
	return nil
}

// recognise compares the root with the roots that were at its path before. A root whose
// identity this user may not read is accepted.
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
	repo.remember(id, false)
	return nil
}
