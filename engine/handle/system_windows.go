package handle

import (
	"errors"

	"golang.org/x/sys/windows"
)

func isLinkLimit(err error) bool { return errors.Is(err, windows.ERROR_TOO_MANY_LINKS) }

// IsFull reports whether err says that there is no room left.
func IsFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
