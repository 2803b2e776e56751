// Package handle has directories that are open, and the files in them: one way
// to look at a tree and to make one that follows no symbolic link. What differs
// between platforms stands here.
//
// Most callers [Open] a tree to read as a [Dir], or [OpenWriter] one to write as
// a [Writer], which does all that a Dir does, and go down from there with Open.
// Names given to methods are single names, of what lies in the directory: what
// somebody puts into the place of a directory on the way, once that is open, does
// not matter any more. No method follows a symbolic link.
//
// On Linux and Windows every method is a few system calls relative to a handle. Other
// platforms use [os.Root], which also keeps whoever swaps in a symbolic link
// from leading us out of the tree that was opened, but not out of a directory in
// it. The package does not promise that two looks see the same.
package handle

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"phlb/engine/handle/inode"
	"phlb/engine/manifest"
)

var (
	// ErrLinkLimit says that an inode has as many links as it can have.
	ErrLinkLimit = errors.New("file has as many links as the file system allows")
	// ErrNoLink says that an inode can have no other name here: it lies on another
	// file system, or is of another user and therefore protected, see
	// protected_hardlinks in proc_sys_fs(5).
	ErrNoLink = errors.New("file cannot be linked to")
	// ErrNoDirLink says that no link to a directory can be made.
	ErrNoDirLink = errors.New("no link to a directory can be made")
	// ErrMounted says that another file system is mounted where a directory is wanted
	// that is not.
	ErrMounted = errors.New("something else is mounted there: unmount it")
	// ErrNotRegular is the error of reading what is no regular file.
	ErrNotRegular = errors.New("not a regular file")
)

// What is told of something, and of its metadata, see package inode.
type (
	// Inode is what a look at something tells.
	Inode = inode.Inode
	// NotKept says what of a path's metadata the file system could not take.
	NotKept = inode.NotKept
	// UnseenError says that there is an attribute that we may not read.
	UnseenError = inode.UnseenError
)

// Entry returns all that a manifest would say of what is called name, but its
// path and what tells of content and change.
func (d *Dir) Entry(name string) (e manifest.Entry, err error) {
	i, err := d.Look(name)
	if err != nil {
		return e, err
	}
	e.Kind, e.Permissions, e.Size, e.Mtime = i.Kind, i.Permissions, i.Size, i.Mtime
	e.Major, e.Minor = i.Major, i.Minor
	if e.Kind == manifest.Symlink {
		if e.Target, err = d.Readlink(name); err != nil {
			return e, err
		}
	}
	e.Xattrs, err = d.Xattrs(name)
	return e, inode.Seen(err)
}

// Child is what is called so in a directory.
type Child struct {
	Name string
	Kind manifest.Kind
}

// List returns what lies in the directory, sorted by name.
func (d *Dir) List() (all []Child, err error) {
	again, err := d.Open(".") // reading moves the position of a handle
	if err != nil {
		return nil, err
	}
	defer again.Close()
	err = again.Children(func(name string, _ uint64, kind manifest.Kind) error {
		if kind == 0 {
			// A failure shows again when what lies there is wanted.
			if i, err := d.Look(name); err == nil {
				kind = i.Kind
			}
		}
		all = append(all, Child{name, kind})
		return nil
	})
	slices.SortFunc(all, func(a, b Child) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// Names returns the names in the directory, sorted.
func (d *Dir) Names() ([]string, error) {
	all, err := d.List()
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	return names, err
}

// pathError names the call and what it was about, as package os does.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
