package store

import (
	"io"

	"phlb/engine/handle"
	"phlb/engine/handle/inode"
	"phlb/engine/lock"
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

// TryFolder is [lock.TryFolder].
func TryFolder(path string) (io.Closer, bool, error) { return lock.TryFolder(path) }

// TempName is [handle.TempName].
func TempName() string { return handle.TempName() }

// IsTemp is [handle.IsTemp].
func IsTemp(name string) bool { return handle.IsTemp(name) }

// IsFull is [handle.IsFull].
func IsFull(err error) bool { return handle.IsFull(err) }

// Lost is [inode.Lost].
func Lost(err error) []*NotKept { return inode.Lost(err) }
