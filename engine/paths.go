package engine

import "path/filepath"

// pathInside returns the path as seen from root, and whether it lies there.
func pathInside(root, path string) (string, bool) {
	inside, err := filepath.Rel(root, path)
	return filepath.ToSlash(inside), err == nil && filepath.IsLocal(inside)
}

// realFolder returns the path without symbolic links on the way, as far as it
// exists. The last name is left as it is: a link is taken as such.
func (e *Engine) realFolder(path string) string {
	path = filepath.Clean(path)
	dir := filepath.Dir(path)
	if dir == path {
		return path
	}
	real := e.repo.Real(dir)
	if real == dir { // also where there is no such folder
		real = e.realFolder(dir)
	}
	return filepath.Join(real, filepath.Base(path))
}
