package handle

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"phlb/engine/manifest"
)

// metadata applies an entry's own to what was made for it. The order matters:
// a change of owner clears setuid and setgid, and a POSIX ACL is an attribute
// that the mode is part of; the time comes last, since all else may move it. It
// is looked at afterwards: file systems differ in how fine and how far their
// times are, and a later run tells by it whether the file is what was stored.
type metadata struct {
	entry  *manifest.Entry
	chown  func(uid, gid int) error // -1 leaves one as it is
	chmod  func(mode uint32) error
	xattr  func(manifest.Xattr) error
	utimes func(atime manifest.Time) error // a zero time leaves it as it is
	look   func() (Inode, error)
}

const setIDs = 0o6000

// apply returns what was not kept, joined, or one error of another kind.
func (m metadata) apply() error {
	var lost []error
	mode := m.entry.Mode
	if err := m.chown(int(m.entry.UID), int(m.entry.GID)); err != nil {
		if !CannotBe(err) {
			return err
		}
		lost = append(lost, &NotKept{"owner", err})
		// An ordinary user may give a group that is one of his own.
		if err := m.chown(-1, int(m.entry.GID)); err != nil && !CannotBe(err) {
			return err
		}
		// A program that runs as its owner must not come to run as another.
		mode &^= setIDs
	}
	for _, x := range m.entry.Xattrs {
		if err := m.xattr(x); err != nil {
			lost = append(lost, &NotKept{"attribute " + x.Name, err})
		}
	}
	if err := m.chmod(mode); err != nil {
		if !CannotBe(err) {
			return err
		}
		lost = append(lost, &NotKept{"mode", err})
	}
	made, err := setMtime(m.entry.Mtime, m.utimes, m.look)
	if err != nil {
		return err
	}
	if !made.Mtime.Near(m.entry.Mtime) {
		lost = append(lost, &NotKept{"time", fmt.Errorf("it is %v", made.Mtime.Time())})
	}
	made.Note(m.entry)
	return errors.Join(lost...)
}

// setMtime sets a modification time, and returns what it has become.
func setMtime(t manifest.Time, utimes func(atime manifest.Time) error, look func() (Inode, error)) (Inode, error) {
	if err := utimes(manifest.Time{}); err != nil {
		return Inode{}, err
	}
	made, err := look()
	if err != nil || made.Mtime == t {
		return made, err
	}
	// FUSE with the interface of libfuse 2 ignores a change of one time alone, and
	// says nothing. Both can be changed there.
	if utimes(made.Atime) != nil {
		return made, nil
	}
	return look()
}

// Note sets e.Stored where the file system has made another time of e's.
func (i *Inode) Note(e *manifest.Entry) {
	if i.Mtime != e.Mtime {
		e.Stored = &manifest.Stored{Permissions: e.Permissions, Mtime: i.Mtime}
	}
}

// CannotBe reports whether err says that an owner or mode cannot be given: we
// are an ordinary user, in a user namespace that does not have that owner, or
// the file system knows of none.
func CannotBe(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}
