//go:build !linux

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pkg/xattr"

	"phlb/engine/manifest"
)

// Dir is an open directory under the root. Names given to its methods are
// single names. Every handle shares one os.Root, since links can only be made
// inside of one; it keeps whoever swaps in a symbolic link from leading us out.
type Dir struct {
	root  *os.Root
	path  string
	owner bool // of root
}

func openRoot(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{root, ".", true}, nil
}

func (d *Dir) at(name string) string { return filepath.Join(d.path, name) }

// Open opens the directory called name.
func (d *Dir) Open(name string) (*Dir, error) {
	info, err := d.root.Lstat(d.at(name))
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a directory")}
	}
	return &Dir{root: d.root, path: d.at(name)}, nil
}

func (d *Dir) dup() (*Dir, error) { return &Dir{root: d.root, path: d.path}, nil }

// Close releases the directory.
func (d *Dir) Close() {
	if d.owner {
		d.root.Close()
	}
}

// Mkdir makes a directory for our eyes only and opens it; [Dir.Finish] gives
// it its metadata once it is full.
func (d *Dir) Mkdir(name string) (*Dir, error) {
	if err := d.root.Mkdir(d.at(name), 0o700); err != nil {
		return nil, err
	}
	return d.Open(name)
}

// Look returns what lies there called name.
func (d *Dir) Look(name string) (Inode, error) {
	info, err := d.root.Lstat(d.at(name))
	if err != nil {
		return Inode{}, err
	}
	return inode(info), nil
}

// Self returns what the directory itself is.
func (d *Dir) Self() (Inode, error) { return d.Look(".") }

func inode(info fs.FileInfo) Inode {
	i := Inode{Size: info.Size(), Links: 1}
	i.Kind, _ = manifest.KindOf(info.Mode())
	i.Mode = uint32(info.Mode().Perm())
	i.Mtime = manifest.TimeOf(info.ModTime())
	system(&i, info)
	return i
}

// Names returns the names in the directory, in no order.
func (d *Dir) Names() ([]string, error) {
	f, err := d.root.Open(d.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// children calls f with the names in the directory, in no order; neither inodes
// nor kinds are told here. It ends with the first error.
func (d *Dir) children(f func(name string, inode uint64, kind manifest.Kind) error) error {
	names, err := d.Names()
	for _, name := range names {
		if err == nil {
			err = f(name, 0, 0)
		}
	}
	return err
}

// allow lets us change the directory called name, or with "" itself.
func (d *Dir) allow(name string) error { return d.root.Chmod(d.at(name), 0o700) }

// Link makes name in d another name of the entry called old in from. It returns
// [ErrLinkLimit] where that has as many as it can have.
func (d *Dir) Link(from *Dir, old, name string) error {
	err := d.root.Link(from.at(old), d.at(name))
	if isLinkLimit(err) {
		return ErrLinkLimit
	}
	return err
}

// Rename moves what is called old in d to the name new in to, in a single step.
func (d *Dir) Rename(old string, to *Dir, new string) error {
	return d.root.Rename(d.at(old), to.at(new))
}

// Remove removes the name of what is not a directory, if it exists.
func (d *Dir) Remove(name string) error {
	if err := d.root.Remove(d.at(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Read opens the regular file called name for reading.
func (d *Dir) Read(name string) (*os.File, error) {
	info, err := d.root.Lstat(d.at(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	return d.root.Open(d.at(name))
}

// Make makes the symbolic link e, with its metadata. Other kinds than that
// cannot be made here; they are recorded, for a restore elsewhere.
func (d *Dir) Make(name string, e *manifest.Entry) error {
	if e.Kind != manifest.Symlink {
		return &fs.PathError{Op: "make " + e.Kind.String(), Path: name, Err: fs.ErrPermission}
	}
	if err := d.root.Symlink(e.Target, d.at(name)); err != nil {
		return err
	}
	// The times of a symbolic link cannot be set here: what it got is noted.
	info, err := d.root.Lstat(d.at(name))
	if err != nil {
		return err
	}
	own := inode(info)
	e.Stored = &own.Stored
	return nil
}

// Finish gives the directory the metadata of e, once nothing is added to it
// any more. It returns a [*NotKept] where that could not be kept.
func (d *Dir) Finish(e *manifest.Entry) error { return d.finish(".", e) }

func (d *Dir) finish(name string, e *manifest.Entry) error {
	path := d.at(name)
	return metadata{
		entry: e,
		chown: func(uid, gid int) error { return d.root.Lchown(path, uid, gid) },
		chmod: func(mode uint32) error { return d.root.Chmod(path, fileMode(mode)) },
		xattr: func(x manifest.Xattr) error {
			f, err := d.root.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return xattr.FSet(f, x.Name, []byte(x.Value))
		},
		utimes: func() error { return d.root.Chtimes(path, time.Time{}, e.Mtime.Time()) },
		look:   func() (Inode, error) { return d.Look(name) },
	}.apply()
}

func fileMode(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	for _, b := range []struct {
		bit uint32
		is  fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if bits&b.bit != 0 {
			mode |= b.is
		}
	}
	return mode
}

// SetMtime sets the modification time of the directory.
func (d *Dir) SetMtime(t manifest.Time) error {
	return d.root.Chtimes(d.path, time.Time{}, t.Time())
}

// SyncFS does nothing: without a call for a whole file system, every file is
// synced when it is finished.
func (d *Dir) SyncFS() error { return nil }

// Sync writes the directory's own names to the disk, where the system can.
func (d *Dir) Sync() error { return syncDir(d) }

// File is a regular file that is being made.
type File struct {
	file *os.File
	dir  *Dir
	name string
}

// Create makes the regular file called name; it must not exist.
func (d *Dir) Create(name string) (*File, error) {
	f, err := d.root.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &File{f, d, name}, nil
}

// Write appends to the file.
func (f *File) Write(p []byte) (int, error) { return f.file.Write(p) }

// Skip leaves a hole up to the offset to, the file's end if nothing follows.
func (f *File) Skip(to int64) error {
	if err := f.file.Truncate(to); err != nil {
		return err
	}
	_, err := f.file.Seek(to, 0)
	return err
}

// Finish gives the file the metadata of e. It returns a [*NotKept] where that
// could not be kept, and sets e.Stored where the file system has made another
// time of e's.
func (f *File) Finish(e *manifest.Entry) error {
	if err := f.file.Sync(); err != nil {
		return err
	}
	return f.dir.finish(f.name, e)
}

// Sync writes the file to the disk.
func (f *File) Sync() error { return f.file.Sync() }

// Close releases the file.
func (f *File) Close() error { return f.file.Close() }
