//go:build unix && !linux

package handle

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
)

// system fills in what only the platform's own record of a file says.
func system(i *Inode, info fs.FileInfo) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	i.UID, i.GID = st.Uid, st.Gid
	i.Dev, i.Ino, i.Links = uint64(st.Dev), uint64(st.Ino), uint64(st.Nlink)
	i.Blocks = int64(st.Blocks)
	i.Remote = i.Kind == manifest.File && isRemote(st)
	if i.Kind == manifest.BlockDevice || i.Kind == manifest.CharDevice {
		i.Major, i.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	}
}

func isLinkLimit(err error) bool { return errors.Is(err, syscall.EMLINK) }

// IsFull reports whether err says that there is no room left.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func syncDir(d *Dir) error {
	f, err := d.root.Open(d.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return flush(f)
}
