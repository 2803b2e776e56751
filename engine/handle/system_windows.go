package handle

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// system does nothing: Windows gives neither owner nor inode number with a
// directory entry. Configure unchanged = ["size", "mtime"] there.
func system(*Inode, fs.FileInfo) {}

func isLinkLimit(err error) bool { return errors.Is(err, windows.ERROR_TOO_MANY_LINKS) }

// IsFull reports whether err says that there is no room left.
func IsFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// syncDir does nothing: directories cannot be synced here.
func syncDir(*Dir) error { return nil }
