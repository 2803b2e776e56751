//go:build !windows

package lock

import (
	"io"
	"os"
)

// TryFolder takes the kernel's lock of the folder at path, and reports whether it could;
// the lock ends with Close and with the process. Where the file system has no locks, the
// error is [errors.ErrUnsupported].
func TryFolder(path string) (io.Closer, bool, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	held, err := TryLock(dir)
	if !held {
		dir.Close()
		return nil, false, err
	}
	return dir, true, nil
}
