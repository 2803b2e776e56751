package parent

import (
	"fmt"
	"iter"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// ManifestError says that the manifest of a snapshot cannot be read.
type ManifestError struct {
	Ref store.Ref
	Err error
}

func (e *ManifestError) Error() string { return fmt.Sprintf("manifest of %s: %v", e.Ref, e.Err) }

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
