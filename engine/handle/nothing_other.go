//go:build !linux

package handle

import (
	"errors"

	"phlb/engine/manifest"
)

// What only Linux does. Elsewhere nothing needs to be done, or can be.

// PathOf returns "": there are no paths here that lead through an open directory.
func (d *Dir) PathOf(string) string { return "" }

// Mtime returns the modification time of what lies there called name.
func (d *Dir) Mtime(name string) (manifest.Time, error) {
	i, err := d.Look(name)
	return i.Mtime, err
}

// Rewind does nothing: Children always reads all names.
func (d *Dir) Rewind() error { return nil }

// Uncache does nothing: not every system can be asked to read from the disk.
func (f *File) Uncache() {}

// Bequeaths reports whether what is made in the directory gets an ACL from it that it
// should not have: not so here, since [NewFile.Finish] replaces it.
func (d *Dir) Bequeaths() bool { return false }

// Disinherit does nothing, see [Dir.Bequeaths].
func (d *Writer) Disinherit(string) error { return nil }

// DisinheritSelf does nothing, see [Dir.Bequeaths].
func (d *Writer) DisinheritSelf() {}

// beneath says that no call opens a path of several names.
func (d *Writer) beneath(string, bool) (*Writer, error) { return nil, errors.ErrUnsupported }

// isPrivate takes it for granted that nobody else can change what lies in the
// directory: either all that is made is given its metadata by its handle, or no owner
// nor mode is given by name to what only an administrator could make.
func (d *Writer) isPrivate() bool { return true }

// SyncFS does nothing: there is no call for a whole file system, or it takes an
// administrator.
func (d *Writer) SyncFS() error { return nil }

// SyncsAll says that SyncFS writes all that was made. Where it does not, Finish
// writes each file and directory.
const SyncsAll = false
