package parent

import (
	"errors"
	"io/fs"
	"path"

	"phlb/engine/walk"
)

// Closed holds the paths that a walk could not read. Entries of a manifest below such a
// path are not known to be gone.
type Closed map[string]bool

// Note adds the paths of a batch that could not be read.
func (c Closed) Note(b *walk.Batch) {
	for _, err := range b.Errors {
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			c[at.Path] = true
		}
	}
}

// Hide reports whether a path is closed, or lies below a closed one.
func (c Closed) Hide(at string) bool {
	for ; at != "."; at = path.Dir(at) {
		if c[at] {
			return true
		}
	}
	return c["."]
}
