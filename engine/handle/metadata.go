package handle

import (
	"errors"
	"io/fs"
	"strings"
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
	utimes func() error
	look   func() (Inode, error)
}

const setIDs = 0o6000

func (m metadata) apply() error {
	var lost error
	mode := m.entry.Mode
	if err := m.chown(int(m.entry.UID), int(m.entry.GID)); err != nil {
		if !CannotBe(err) {
			return err
		}
		// An ordinary user may give a group that is one of his own.
		if err := m.chown(-1, int(m.entry.GID)); err != nil && !CannotBe(err) {
			return err
		}
		// A program that runs as its owner must not come to run as another.
		mode &^= setIDs
	}
	for _, x := range m.entry.Xattrs {
		switch err := m.xattr(x); {
		case err == nil:
		case errors.Is(err, fs.ErrPermission) && !strings.HasPrefix(x.Name, "user."):
			// For root alone: known of ordinary users, not worth a word.
		default:
			lost = &NotKept{"attribute " + x.Name, err}
		}
	}
	if err := m.chmod(mode); err != nil {
		if !CannotBe(err) {
			return err
		}
		lost = &NotKept{"mode", err}
	}
	if err := m.utimes(); err != nil {
		return err
	}
	made, err := m.look()
	if err != nil {
		return err
	}
	made.Note(m.entry)
	return lost
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
