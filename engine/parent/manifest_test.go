package parent

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"phlb/engine/manifest"
)

// Only what was read and does not check is damage.
func TestDamaged(t *testing.T) {
	t.Parallel()
	of := func(err error) error {
		return fmt.Errorf("manifest: %w", &fs.PathError{Op: "read", Path: "1.sha256.gz", Err: err})
	}
	for err, want := range map[error]bool{
		of(syscall.EIO):              false,
		of(syscall.ENOMEM):           false,
		of(syscall.EMFILE):           false,
		of(syscall.EACCES):           false,
		of(syscall.ENOENT):           false,
		of(syscall.ELOOP):            true,
		manifest.ErrVersion:          false,
		manifest.ErrCutOff:           true,
		&manifest.SyntaxError{}:      true,
		errors.New("wrong checksum"): true,
	} {
		if got := (&ManifestError{Err: err}).Damaged(); got != want {
			t.Errorf("%v: damaged is %v, want %v", err, got, want)
		}
	}
}
