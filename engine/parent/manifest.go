package parent

import (
	"errors"
	"fmt"
	"iter"
	"syscall"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// ManifestError says that the manifest of a snapshot cannot be read, or that what
// was read does not check, or is of another tree.
type ManifestError struct {
	Ref store.Ref
	Err error
}

// Damaged reports whether the manifest was read and does not check. One that the
// system could not read, or that a later version wrote, may well be whole, and must
// not be given up.
func (e *ManifestError) Damaged() bool {
	errno, ofSystem := errors.AsType[syscall.Errno](e.Err)
	return !errors.Is(e.Err, manifest.ErrVersion) && (!ofSystem || errno == syscall.ELOOP) // a link in its place
}

func (e *ManifestError) Error() string {
	if errors.Is(e.Err, ErrPlace) {
		return fmt.Sprintf("manifest of %s: %v; move it away, or to the tree that it is of, and run phlb add", e.Ref, e.Err)
	}
	return fmt.Sprintf("manifest of %s: %v", e.Ref, e.Err)
}

func (e *ManifestError) Unwrap() error { return e.Err }

// ReadManifest calls use with a reader of the snapshot's manifest and with the
// manifest's entries. The error is a [*ManifestError] where the manifest, as far as
// use asks for entries, cannot be read; else it is that of use.
func ReadManifest(root *store.Root, ref store.Ref, use func(*manifest.Reader, iter.Seq2[*manifest.Entry, error]) error) error {
	file, err := root.OpenManifest(ref)
	if err != nil {
		return &ManifestError{ref, err}
	}
	defer file.Close()
	r, err := manifest.NewReader(file)
	if err == nil {
		err = checkPlace(root, ref, &r.Header)
	}
	if err != nil {
		return &ManifestError{ref, err}
	}
	var broken error
	err = use(r, func(yield func(*manifest.Entry, error) bool) {
		for e, err := range r.Entries() {
			broken = err
			if !yield(e, err) {
				return
			}
		}
	})
	if broken != nil {
		return &ManifestError{ref, broken}
	}
	return err
}
