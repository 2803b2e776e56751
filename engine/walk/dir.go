package walk

import (
	"errors"
	"io/fs"

	"phlb/engine/handle"
	"phlb/engine/handle/inode"
	"phlb/engine/manifest"
)

// Dir is an open directory. Its methods take single names, not paths. Errors do not
// contain the name: callers know the path to report.
type Dir struct{ handle.Dir }

// File is a file that is open for reading.
type File struct{ handle.File }

// UnseenError says that an attribute may not be read.
type UnseenError = handle.UnseenError

// Seen is [inode.Seen].
func Seen(err error) error { return inode.Seen(err) }

// OpenRoot opens the directory at path, following symbolic links.
func OpenRoot(path string) (*Dir, error) {
	d, err := handle.Open(path)
	if err != nil {
		return nil, err
	}
	return &Dir{*d}, nil
}

// Of returns a handle as the Dir of a walk. To close one closes the other.
func Of(d *handle.Dir) *Dir { return &Dir{*d} }

// Open opens the directory called name; a symbolic link is an error.
func (d *Dir) Open(name string) (*Dir, error) {
	below, err := d.Dir.Open(name)
	if err != nil {
		return nil, bare(err)
	}
	return &Dir{*below}, nil
}

// File opens the file called name, see [handle.Dir.File].
func (d *Dir) File(name string) (*File, error) {
	f, err := d.Dir.File(name)
	if err != nil {
		return nil, bare(err)
	}
	return &File{*f}, nil
}

// Stat returns the directory's own entry, without a path.
func (d *Dir) Stat() (Entry, error) { return entry(d.Self()) }

// Stat returns the file's entry, without a path.
func (f *File) Stat() (Entry, error) { return entry(f.Self()) }

// Lstat returns the entry called name, without a path. Of a symbolic link it
// includes the target.
func (d *Dir) Lstat(name string) (Entry, error) {
	var e Entry
	err := d.lstat(name, &e)
	return e, err
}

// lstat is Lstat without a copy of the entry: it sets e.
func (d *Dir) lstat(name string, e *Entry) error {
	err := e.set(d.Look(name))
	if err == nil && e.Kind == manifest.Symlink {
		e.Target, err = d.Readlink(name)
	}
	return bare(err)
}

func entry(i handle.Inode, err error) (e Entry, _ error) {
	err = e.set(i, err)
	return e, err
}

// set sets e to the entry of an inode, unless there is an error.
func (e *Entry) set(i handle.Inode, err error) error {
	*e = Entry{}
	if err != nil {
		return bare(err)
	}
	e.Dev, e.Nlink, e.Blocks, e.Atime, e.Remote = i.Dev, i.Links, i.Blocks, i.Atime, i.Remote
	e.Kind, e.Permissions, e.Size, e.Inode = i.Kind, i.Permissions, i.Size, i.Ino
	e.Mtime, e.Ctime, e.Major, e.Minor = i.Mtime, i.Ctime, i.Major, i.Minor
	if e.Inode == 0 {
		e.Nlink = 1 // without a number nobody can tell which names share the inode
	}
	if e.Kind == 0 {
		return ErrKind
	}
	return nil
}

// dirent is a name in a directory and whether it is that of a directory.
type dirent struct {
	name string
	kind manifest.Kind // Dir, or 0 for anything else
}

// list appends the names in d to list. With an error it returns what it got.
func (d *Dir) list(list []dirent) ([]dirent, error) {
	err := d.Children(func(name string, _ uint64, kind manifest.Kind) error {
		if kind == 0 {
			// An error comes again, and is reported, when the entry is looked at.
			if i, err := d.Look(name); err == nil {
				kind = i.Kind
			}
		}
		if kind != manifest.Dir {
			kind = 0
		}
		list = append(list, dirent{name, kind})
		return nil
	})
	return list, bare(err)
}

// bare returns the cause of an error without the name in it.
func bare(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
