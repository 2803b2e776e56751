package inode

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"phlb/engine/manifest"
)

// Metadata applies an entry's own to what was made for it. The order matters:
// a change of owner clears setuid and setgid, and a POSIX ACL is an attribute
// that the mode is part of; the time comes last, since all else may move it. It
// is looked at afterwards: file systems differ in how fine and how far their
// times are, and a later run tells by it whether the file is what was stored.
type Metadata struct {
	Entry  *manifest.Entry
	Chown  func(uid, gid int) error // -1 leaves one as it is
	Chmod  func(mode uint32) error
	Xattr  func(manifest.Xattr) error
	Utimes func(atime manifest.Time) error // a zero time leaves it as it is
	Look   func() (Inode, error)
}

const setIDs = 0o6000

// Apply returns what was not kept, joined, or one error of another kind.
func (m Metadata) Apply() error {
	var lost []error
	mode := m.Entry.Mode
	if err := m.Chown(int(m.Entry.UID), int(m.Entry.GID)); err != nil {
		if !CannotBe(err) {
			return err
		}
		lost = append(lost, &NotKept{"owner", err})
		// An ordinary user may give a group that is one of his own.
		if err := m.Chown(-1, int(m.Entry.GID)); err != nil && !CannotBe(err) {
			return err
		}
		// A program that runs as its owner must not come to run as another.
		mode &^= setIDs
	}
	for _, x := range m.Entry.Xattrs {
		if err := m.Xattr(x); err != nil {
			lost = append(lost, &NotKept{"attribute " + x.Name, err})
		}
	}
	if err := m.Chmod(mode); err != nil {
		if !CannotBe(err) {
			return err
		}
		lost = append(lost, &NotKept{"mode", err})
	}
	made, err := SetMtime(m.Entry.Mtime, m.Utimes, m.Look)
	if err != nil {
		return err
	}
	if !made.Mtime.Near(m.Entry.Mtime) {
		lost = append(lost, &NotKept{"time", fmt.Errorf("it is %v", made.Mtime.Time())})
	}
	made.Note(m.Entry)
	return errors.Join(lost...)
}

// SetMtime sets a modification time, and returns what it has become.
func SetMtime(t manifest.Time, utimes func(atime manifest.Time) error, look func() (Inode, error)) (Inode, error) {
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

// NotKept says what of a path's metadata the file system could not take. It is in
// the manifest all the same.
type NotKept struct {
	What string
	Err  error
}

// Error returns the message.
func (e *NotKept) Error() string { return e.What + " not kept in the snapshot: " + e.Err.Error() }

// Unwrap returns the system's error.
func (e *NotKept) Unwrap() error { return e.Err }

// Lost returns all that err says could not be taken; nil where it is an error of
// something else.
func Lost(err error) (lost []*NotKept) {
	all := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		all = many.Unwrap()
	}
	for _, one := range all {
		if kept, ok := errors.AsType[*NotKept](one); ok {
			lost = append(lost, kept)
		}
	}
	return lost
}

// UnlessNotKept returns nil for an error that only says what was not kept.
func UnlessNotKept(err error) error {
	if _, ok := errors.AsType[*NotKept](err); ok {
		return nil
	}
	return err
}
