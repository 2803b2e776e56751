package store

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/pkg/xattr"
	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
)

// RemoveDir removes the directory called name, which must be empty.
func (d *Dir) RemoveDir(name string) error {
	if err := retry(func() error { return unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) }); err != nil {
		return &os.PathError{Op: "rmdir", Path: name, Err: err}
	}
	return nil
}

// Entry returns all that a manifest would say of what is called name, but its
// path and what tells of content and change.
func (d *Dir) Entry(name string) (e manifest.Entry, err error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return e, &os.PathError{Op: "lstat", Path: name, Err: err}
	}
	i := inode(&st)
	e.Kind, e.Permissions, e.Size, e.Mtime = i.Kind, i.Permissions, i.Size, i.Mtime
	switch e.Kind {
	case manifest.Symlink:
		e.Target, err = d.readlink(name, int(st.Size)+1)
	case manifest.BlockDevice, manifest.CharDevice:
		e.Major, e.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	}
	if err == nil {
		e.Xattrs, err = d.xattrs(name)
	}
	return e, err
}

func (d *Dir) readlink(name string, size int) (string, error) {
	for ; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", &os.PathError{Op: "readlink", Path: name, Err: err}
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

func (d *Dir) xattrs(name string) ([]manifest.Xattr, error) {
	path := procPath(d.fd) + "/" + name
	names, err := xattr.LList(path)
	if err != nil && !errors.Is(err, unix.ENOTSUP) {
		return nil, err
	}
	slices.Sort(names)
	var found []manifest.Xattr
	for _, x := range names {
		value, err := xattr.LGet(path, x)
		if errors.Is(err, xattr.ENOATTR) || errors.Is(err, fs.ErrPermission) {
			continue // gone, or not for us to see
		}
		if err != nil {
			return nil, err
		}
		found = append(found, manifest.Xattr{Name: x, Value: string(value)})
	}
	return found, nil
}

// RemoveXattr removes an extended attribute of what is called name, "." for the
// directory itself, if it has it.
func (d *Dir) RemoveXattr(name, attribute string) error {
	err := xattr.LRemove(procPath(d.fd)+"/"+name, attribute)
	if errors.Is(err, xattr.ENOATTR) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}

const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)

// Bequeaths reports whether what is made in the directory gets an ACL from it,
// see acl(5).
func (d *Dir) Bequeaths() bool {
	n, err := unix.Fgetxattr(d.fd, aclDefault, nil)
	return err == nil && n > 0
}

// Disinherit takes from what is called name, "." for the directory itself, the
// ACLs that it got from the directory it was made in.
func (d *Dir) Disinherit(name string) error {
	if err := d.RemoveXattr(name, aclAccess); err != nil {
		return err
	}
	return d.RemoveXattr(name, aclDefault)
}
