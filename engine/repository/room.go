package repository

import (
	"errors"
	"io/fs"
	"path/filepath"

	"phlb/engine/store"
)

// FullAt returns where there was no room left, "" if err says nothing of the kind.
// That is below the folder at, unless err names a whole path that is not: temporary
// files lie elsewhere.
func (repo *Repository) FullAt(err error, at string) string {
	if !store.IsFull(err) {
		return ""
	}
	path, ok := errors.AsType[*fs.PathError](err)
	if !ok || !filepath.IsAbs(path.Path) {
		return at
	}
	where := byHandle.ReplaceAllLiteralString(path.Path, repo.Config.Catalog)
	for _, folder := range []string{at, resolved(at), repo.Env.TempDir} {
		if below, err := filepath.Rel(folder, where); err == nil && filepath.IsLocal(below) {
			if folder == repo.Env.TempDir {
				return folder
			}
			return at
		}
	}
	return filepath.Dir(where)
}
