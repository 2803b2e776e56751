//go:build unix && !linux

package walk

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
)

// system fills in what only the platform's own record of a file says.
func system(e *Entry, info fs.FileInfo) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	e.UID, e.GID = st.Uid, st.Gid
	e.Dev, e.Inode, e.Nlink = uint64(st.Dev), uint64(st.Ino), uint64(st.Nlink)
	e.Blocks = int64(st.Blocks)
	if e.Kind == manifest.BlockDevice || e.Kind == manifest.CharDevice {
		e.Major, e.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	}
}
