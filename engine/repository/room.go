package repository

import (
	"errors"
	"io/fs"
	"path/filepath"

	"phlb/engine/store"
)

// FullAt returns the folder in which no room was left, by err; "" where err says nothing of
// that. It is the folder at, unless err has an absolute path elsewhere: temporary files may
// lie on another file system.
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
