package content

import (
	"errors"
	"io/fs"
	"syscall"

	"phlb/engine/manifest"
)

// Refused is the error of an entry that the place where it is made cannot hold,
// such as a name that the file system does not take.
type Refused struct{ Err error }

func (r *Refused) Error() string { return r.Err.Error() }
func (r *Refused) Unwrap() error { return r.Err }

// Refuse returns, for an error of making e, the [*SourceError] of a [*Refused]
// where the place cannot hold e. An error that is trouble with the place is returned
// as it is. So is one that is not the system's, and one that says of a file
// or a folder that it may not be made where it belongs: that would be true of the
// next one as well. Links and special files may be forbidden alone.
func Refuse(e *manifest.Entry, err error) error {
	why, ok := errors.AsType[syscall.Errno](err)
	plain := e.Kind == manifest.File || e.Kind == manifest.Dir
	switch {
	case err == nil, IsTrouble(err), plain && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)):
		return err
	case ok:
		return FromSource("store", e.Path, &Refused{why})
	case errors.Is(err, errors.ErrUnsupported):
		return FromSource("store", e.Path, &Refused{err})
	}
	return err
}

// IsRefused reports whether err says that a place cannot hold an entry.
func IsRefused(err error) bool {
	_, ok := errors.AsType[*Refused](err)
	return ok
}
