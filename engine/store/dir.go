package store

import (
	"math"
	"os"

	"phlb/engine/handle"
	"phlb/engine/handle/inode"
	"phlb/engine/lock"
	"phlb/engine/manifest"
)

// What is under a root is reached through handles.
type (
	Dir     = handle.Writer  // an open directory
	File    = handle.NewFile // a regular file that is being made
	Inode   = handle.Inode
	NotKept = handle.NotKept
)

var (
	ErrLinkLimit = handle.ErrLinkLimit
	ErrNoLink    = handle.ErrNoLink
	ErrMounted   = handle.ErrMounted
)

// OpenDir opens a directory that lies outside of a root, such as one that is
// restored into. The last name of the path must not be a symbolic link.
func OpenDir(path string) (*Dir, error) { return handle.OpenWriter(path) }

// TryLock is [lock.TryLock].
func TryLock(f *os.File) (bool, error) { return lock.TryLock(f) }

// TempName is [handle.TempName].
func TempName() string { return handle.TempName() }

// IsTemp is [handle.IsTemp].
func IsTemp(name string) bool { return handle.IsTemp(name) }

// IsFull is [handle.IsFull].
func IsFull(err error) bool { return handle.IsFull(err) }

// Lost is [inode.Lost].
func Lost(err error) []*NotKept { return inode.Lost(err) }

// Foresee sets e.Stored where [handle.Writer.Finish] will: the entry of a
// directory is wanted before that is full. Only a time that the root may not keep
// is tried.
func (p *Partial) Foresee(dir *Dir, e *manifest.Entry) error {
	if p.root.fine && e.Mtime.Sec >= 0 && e.Mtime.Sec <= math.MaxInt32 {
		return nil
	}
	if err := dir.SetMtime(e.Mtime); err != nil {
		return err
	}
	made, err := dir.Self()
	if err != nil {
		return err
	}
	made.Note(e)
	return nil
}
