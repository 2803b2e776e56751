package verify

import (
	"context"
	"errors"
	"path"

	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// healUnsealed removes rotten inodes from the partials of runs that were cut off. The
// next run takes over such a partial, and stores anew what it does not find there. left
// is whether a partial may still hold a rotten inode, since its run is under way and may
// seal it.
func (v *verification) healUnsealed(ctx context.Context) (left bool, err error) {
	if len(v.badInodes) == 0 {
		return false, nil
	}
	names, err := v.root.Names()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		trees, err := v.root.Unsealed(name)
		if err != nil {
			return false, err
		}
		for _, tree := range trees {
			stays, err := v.healTree(ctx, name, tree)
			if err != nil {
				return false, err
			}
			left = left || stays
		}
	}
	return left, nil
}

// healTree is healUnsealed for one tree of a name, by the path of the tree below the root.
func (v *verification) healTree(ctx context.Context, name, tree string) (left bool, err error) {
	lock, err := v.root.LockName(ctx, name, v.Owner(), false)
	var running *store.LockedError
	if err != nil && !errors.As(err, &running) {
		return false, err
	}
	if lock != nil {
		defer lock.Unlock()
	}
	var found []string
	dir, err := v.root.Dir().Descend(tree)
	if err == nil {
		defer dir.Close()
		found, err = v.badIn(ctx, dir)
	}
	if cause := context.Cause(ctx); cause != nil {
		return false, cause
	}
	if at, gone := v.root.Dir().Descend(tree); gone == nil {
		at.Close()
	} else if running != nil {
		err = errors.New("it was sealed meanwhile")
	}
	if err == nil && running != nil && len(found) > 0 {
		err = running
	}
	for i := 0; i < len(found) && err == nil; i++ {
		err = takeOut(dir, found[i])
	}
	if err != nil {
		v.report.Add(".", repository.Unhealed, "%s may hold a rotten file: %v; run verify --heal again", tree, err)
		return true, nil
	}
	for _, at := range found {
		v.report.Add(at, repository.Healed, "in %s, which is not sealed: taken out", tree)
	}
	return false, nil
}

// badIn returns the paths in a tree whose inodes are bad.
func (v *verification) badIn(ctx context.Context, tree *store.Dir) (found []string, err error) {
	err = walk.EachFile(ctx, walk.Of(&tree.Dir), func(e *walk.Entry) {
		// The number of an inode that was replaced may have been given to another file:
		// size and time tell them apart.
		if was, bad := v.badInodes[e.ID()]; bad && was.Size == e.Size && was.Mtime == e.Mtime {
			found = append(found, e.Path)
		}
	})
	return found, err
}

// takeOut removes a file of a tree.
func takeOut(tree *store.Dir, file string) error {
	folder, err := tree.Descend(path.Dir(file))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Remove(path.Base(file))
}
