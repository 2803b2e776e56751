// Package inode has what a look at something in a file system tells of it, and the
// order in which a new file is given its own metadata. What could not be kept is told,
// and is no failure: it is in the manifest all the same.
//
// It asks no system for anything: package handle does.
package inode

import (
	"phlb/engine/manifest"
)

// Inode is what a look at something tells. Two are equal if nothing has changed
// in between.
type Inode struct {
	manifest.Stored
	Kind   manifest.Kind // 0 for one that no manifest can hold
	Size   int64
	Dev    uint64 // of the file system it lies on
	Ino    uint64
	Links  uint64
	Blocks int64 // of 512 bytes
	Ctime  manifest.Time
	Atime  manifest.Time
	Remote bool   // the content lies on a server alone, and is fetched when it is read
	Major  uint32 // of a device
	Minor  uint32
}

// SameAs reports whether i and other are one inode. Where the file system has no
// numbers for them, no two are known to be.
func (i *Inode) SameAs(other *Inode) bool {
	return i.Ino != 0 && i.Ino == other.Ino && i.Dev == other.Dev
}

// Holds reports whether i still is what a manifest says was stored for e. The
// mode is not looked at: changing it changes no content, and an ordinary user
// cannot always store the one that was asked for.
func (i *Inode) Holds(e *manifest.Entry) bool {
	return i.Is(e.Kind, e.Size) && i.Mtime == e.InSnapshot().Mtime
}

// Is reports whether i is of that kind, and if it is a file, of that size.
func (i *Inode) Is(kind manifest.Kind, size int64) bool {
	return i.Kind == kind && (kind != manifest.File || i.Size == size)
}
