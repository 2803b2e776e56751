//go:build aix || solaris

package lock

import (
	"errors"
	"os"
)

// TryLock reports that the system has no such locks.
func TryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

// Unlock does nothing: there is no lock.
func Unlock(*os.File) error { return nil }
