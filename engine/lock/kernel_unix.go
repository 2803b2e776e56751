//go:build unix && !aix && !solaris

package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// TryLock takes the kernel's lock of an open file, and reports whether it could;
// it ends with [Unlock] and with the process. Where the file system has no locks,
// the error is [errors.ErrUnsupported].
func TryLock(f *os.File) (bool, error) {
	var err error
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	switch {
	case err == unix.EWOULDBLOCK:
		return false, nil
	case err == unix.ENOLCK, errors.Is(err, errors.ErrUnsupported):
		return false, errors.ErrUnsupported
	}
	return err == nil, failed("flock", f, err)
}

// Unlock ends the kernel's lock of an open file that another process, such as a
// child that has not come to its program yet, may have open too.
func Unlock(f *os.File) error {
	return failed("flock", f, unix.Flock(int(f.Fd()), unix.LOCK_UN))
}
