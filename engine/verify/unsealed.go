package verify

import (
	"context"
	"errors"
	"path"

	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// healUnsealed takes rotten inodes out of what runs that were cut off have left:
// the next run takes it over, and stores anew what it does not find there. It
// reports whether a rotten inode has to stay, for its run is under way: then it
// may come to be in a snapshot yet.
func (v *verification) healUnsealed(ctx context.Context) (left bool, err error) {
	if len(v.bad) == 0 {
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

// healTree is healUnsealed for one tree, by its path below the root.
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

// badIn returns the paths in a tree of inodes that were found bad.
func (v *verification) badIn(ctx context.Context, tree *store.Dir) (found []string, err error) {
	err = walk.EachFile(ctx, walk.Of(&tree.Dir), func(e *walk.Entry) {
		// A number may be another file's by now: of what was mended under its last
		// name, it is free.
		if was, bad := v.bad[e.ID()]; bad && was.Size == e.Size && was.Mtime == e.Mtime {
			found = append(found, e.Path)
		}
	})
	return found, err
}

func takeOut(tree *store.Dir, file string) error {
	folder, err := tree.Descend(path.Dir(file))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Remove(path.Base(file))
}
