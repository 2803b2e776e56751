//go:build unix

package content

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"phlb/engine/manifest"
)

// TestTrouble tells errors that the next entry would meet as well from those of one
// entry alone.
func TestTrouble(t *testing.T) {
	for errno, trouble := range map[syscall.Errno]bool{
		syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EROFS: true, syscall.EIO: true, syscall.ESTALE: true,
		syscall.ENODEV: true, syscall.ENOTCONN: true, syscall.EMFILE: true, syscall.ENFILE: true, syscall.ENOMEM: true,

		syscall.EINVAL: false, syscall.EILSEQ: false, syscall.ENAMETOOLONG: false, syscall.EFBIG: false, syscall.EEXIST: false,
		syscall.EOPNOTSUPP: false,
	} {
		err := fmt.Errorf("create: %w", &fs.PathError{Op: "open", Path: "name", Err: errno})
		if IsTrouble(err) != trouble {
			t.Errorf("%v: trouble is %v", errno, !trouble)
		}
		for _, kind := range []manifest.Kind{manifest.File, manifest.Dir, manifest.Symlink, manifest.Fifo, manifest.CharDevice} {
			if refused := IsRefused(Refuse(&manifest.Entry{Path: "name", Kind: kind}, err)); refused == trouble {
				t.Errorf("%v of a %v: refused is %v", errno, kind, refused)
			}
		}
	}
}
