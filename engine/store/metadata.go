package store

import (
	"errors"
	"io/fs"
	"strings"

	"phlb/engine/manifest"
)

// metadata applies an entry's own to what was made for it. The order matters:
// a change of owner clears setuid and setgid, and a POSIX ACL is an attribute
// that the mode is part of; the time comes last, since all else may move it.
type metadata struct {
	entry  *manifest.Entry
	chown  func() error
	chmod  func(mode uint32) error
	xattr  func(manifest.Xattr) error
	utimes func() error
}

const setIDs = 0o6000

func (m metadata) apply() error {
	var lost error
	mode := m.entry.Mode
	if err := m.chown(); err != nil {
		if !errors.Is(err, fs.ErrPermission) {
			return err
		}
		// As an ordinary user. A program that runs as its owner must not come
		// to run as another.
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
		return err
	}
	if err := m.utimes(); err != nil {
		return err
	}
	return lost
}
