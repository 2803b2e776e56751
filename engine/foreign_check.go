package engine

import (
	"io/fs"
	"path"

	"phlb/engine/foreign"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

// flaw is what is the matter with a file other than that it cannot be read.
type flaw struct {
	what   string // one of the constants of problems
	detail string
}

func (f *flaw) Error() string { return f.detail }

// isForeign reports whether e is a file of the tool that wrote the tree, and
// what that has lost.
func (r *run) isForeign(t *target, b *walk.Batch, e *walk.Entry) bool {
	if t.foreign == nil || e.Kind != manifest.File {
		return false
	}
	own, lost := t.foreign.Owns(e.Name())
	for _, name := range lost {
		b.Errors = append(b.Errors, &fs.PathError{
			Op: "verify", Path: path.Join(t.foreign.Path, name), Err: &flaw{repository.Missing, "its digest is there, the file is not"},
		})
	}
	return own
}

// isForeign reports whether a file that the manifest does not have is one of
// the tool that the snapshot is from.
func (v *verification) isForeign(f *walk.Folder, found *walk.Entry) bool {
	folder, _ := f.Data.(*foreign.Folder)
	own, _ := folder.Owns(found.Name())
	return own
}
