//go:build !windows

package publish

import (
	"io/fs"
	"os"

	"github.com/google/renameio/v2/maybe"
)

// Rename moves a file to a name in the same file system, in place of the file that
// has that name.
func Rename(old, new string) error { return os.Rename(old, new) }

// Open opens a file for reading, with further flags of package os. [Rename] replaces
// it meanwhile.
func Open(path string, flags int) (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|flags, 0) }

// WriteFile is [os.WriteFile] in a single step: whatever fails, the file is the old
// one or the new one, and whole.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return maybe.WriteFile(path, data, mode)
}
