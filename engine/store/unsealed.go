package store

import (
	"errors"
	"io/fs"
	"path"

	"phlb/engine/manifest"
)

// Unsealed returns the trees of a name that are of no snapshot yet, by their paths
// below the root: those of a run under way, and of runs that were cut off.
func (r *Root) Unsealed(name string) (trees []string, err error) {
	folder, err := r.dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	left, err := partials(folder)
	if err != nil {
		return nil, err
	}
	for _, partial := range left {
		for _, at := range []string{partial, path.Join(partial, previousName)} {
			in, err := folder.Descend(at)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if i, err := in.Look(treeName); err == nil && i.Kind == manifest.Dir {
				trees = append(trees, path.Join(name, at, treeName))
			}
			in.Close()
		}
	}
	return trees, nil
}
