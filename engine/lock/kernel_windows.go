package lock

import (
	"os"

	"golang.org/x/sys/windows"
)

// TryLock takes the kernel's lock of an open file, and reports whether it could;
// it ends with [Unlock] and with the process.
func TryLock(f *os.File) (bool, error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, failed("lock", f, err)
}

// Unlock ends the lock of a file; after Close alone, the kernel takes its time.
func Unlock(f *os.File) error {
	return failed("unlock", f, windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, new(windows.Overlapped)))
}
