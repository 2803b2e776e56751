//go:build freebsd || netbsd || openbsd

package handle

import (
	"io/fs"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
)

// makeSpecial makes a FIFO in a directory. Sockets are made by whoever listens, and
// devices by the system.
func makeSpecial(dir int, name string, e *manifest.Entry) error {
	if e.Kind != manifest.Fifo {
		return fs.ErrPermission
	}
	return unix.Mknodat(dir, name, unix.S_IFIFO|0o600, 0)
}
