//go:build unix && !linux

package store

import (
	"errors"
	"io/fs"
	"syscall"
)

// system fills in what only the platform's own record of a file says.
func system(i *Inode, info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		i.UID, i.GID = st.Uid, st.Gid
		i.Dev, i.Ino, i.Links = uint64(st.Dev), uint64(st.Ino), uint64(st.Nlink)
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
	return f.Sync()
}
