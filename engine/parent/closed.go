package parent

import (
	"errors"
	"io/fs"
	"path"

	"phlb/engine/walk"
)

// Closed holds the paths that a walk could not read: what a manifest has below them
// is unseen, and not gone.
type Closed map[string]bool

// Note adds what could not be read of a batch.
func (c Closed) Note(b *walk.Batch) {
	for _, err := range b.Errors {
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			c[at.Path] = true
		}
	}
}

// Hide reports whether a path is closed, or lies below one that is.
func (c Closed) Hide(at string) bool {
	for ; at != "."; at = path.Dir(at) {
		if c[at] {
			return true
		}
	}
	return c["."]
}
