package backup

import (
	"errors"
	"io/fs"
	"syscall"

	"phlb/engine/content"
	"phlb/engine/manifest"
)

// refused is the error of an entry that the root cannot hold.
type refused struct{ err error }

func (r *refused) Error() string { return r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

// errFolder is why the root cannot hold what lies in a folder that it refused.
var errFolder = errors.New("its folder cannot be stored")

// refuse returns, for an error of making e under the root, the [content.SourceError]
// that says that the root cannot hold e. An error that is trouble with the root is
// returned as it is. So is one that is not the system's, and one that says of a file
// or a folder that it may not be made where it belongs: that would be true of the
// next one as well. Links and special files may be forbidden alone.
func refuse(e *manifest.Entry, err error) error {
	why, ok := errors.AsType[syscall.Errno](err)
	plain := e.Kind == manifest.File || e.Kind == manifest.Dir
	switch {
	case err == nil, content.IsTrouble(err), plain && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)):
		return err
	case ok:
		return content.FromSource("store", e.Path, &refused{why})
	case errors.Is(err, errors.ErrUnsupported):
		return content.FromSource("store", e.Path, &refused{err})
	}
	return err
}

// isRefused reports whether err says that the root cannot hold an entry.
func isRefused(err error) bool {
	_, ok := errors.AsType[*refused](err)
	return ok
}

// absent returns the result of an entry that could not be made under the root. One
// that the root cannot hold is recorded all the same.
func absent(e manifest.Entry, err error) (result, error) {
	if err = refuse(&e, err); !isRefused(err) {
		return result{}, err
	}
	e.Absent, e.Stored, e.Digest = true, nil, manifest.Digest{}
	return result{entry: e, outcome: stored}, err
}
