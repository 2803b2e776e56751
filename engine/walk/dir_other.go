//go:build !linux

package walk

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/djherbis/times"
	"github.com/pkg/xattr"

	"phlb/engine/manifest"
)

// Dir is an open directory. Names given to its methods are single names.
type Dir struct{ root *os.Root }

// OpenRoot opens the directory at path, following symbolic links.
func OpenRoot(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{root}, nil
}

// Open opens the directory called name; a symbolic link is an error.
func (d *Dir) Open(name string) (*Dir, error) {
	before, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, errors.New("not a directory")
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	// os.Root follows links that stay inside; one may just have come up.
	if after, err := root.Stat("."); err != nil || !os.SameFile(before, after) {
		root.Close()
		return nil, errors.New("directory was replaced while it was opened")
	}
	return &Dir{root}, nil
}

// Close releases the directory.
func (d *Dir) Close() { d.root.Close() }

// Stat returns the directory's own entry, without a path.
func (d *Dir) Stat() (Entry, error) {
	info, err := d.root.Stat(".")
	if err != nil {
		return Entry{}, err
	}
	return entry(info)
}

// Lstat returns the entry called name, without a path. Of a symbolic link it
// includes the target.
func (d *Dir) Lstat(name string) (Entry, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return Entry{}, err
	}
	e, err := entry(info)
	if err == nil && e.Kind == manifest.Symlink {
		e.Target, err = d.root.Readlink(name)
	}
	return e, err
}

func entry(info fs.FileInfo) (Entry, error) {
	kind, ok := manifest.KindOf(info.Mode())
	if !ok {
		return Entry{}, ErrKind
	}
	var e Entry
	e.Kind = kind
	e.Size = info.Size()
	e.Mode = modeBits(info.Mode())
	t := times.Get(info)
	e.Mtime, e.Atime = manifest.TimeOf(t.ModTime()), manifest.TimeOf(t.AccessTime())
	if t.HasChangeTime() {
		e.Ctime = manifest.TimeOf(t.ChangeTime())
	}
	system(&e, info)
	return e, nil
}

// modeBits returns the twelve low bits that POSIX gives a mode.
func modeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for _, b := range []struct {
		is  fs.FileMode
		bit uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&b.is != 0 {
			bits |= b.bit
		}
	}
	return bits
}

// dirent is a name in a directory and whether it is that of a directory.
type dirent struct {
	name string
	kind manifest.Kind // Dir, or 0 for anything else
}

// list appends the names in d to list. With an error it returns what it got.
func (d *Dir) list(list []dirent) ([]dirent, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return list, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	for _, e := range entries {
		entry := dirent{name: e.Name()}
		if e.IsDir() {
			entry.kind = manifest.Dir
		}
		list = append(list, entry)
	}
	return list, err
}

// File is a regular file that is open for reading.
type File struct{ file *os.File }

// File opens the regular file called name; a symbolic link is an error.
func (d *Dir) File(name string) (*File, error) {
	before, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	if after, err := f.Stat(); err != nil || !os.SameFile(before, after) {
		f.Close()
		return nil, errors.New("file was replaced while it was opened")
	}
	return &File{f}, nil
}

// Close releases the file.
func (f *File) Close() { f.file.Close() }

// Fd returns the descriptor, valid until Close.
func (f *File) Fd() int { return int(f.file.Fd()) }

// Uncache does nothing: not every system can be asked to read from the disk.
func (f *File) Uncache() {}

// Stat returns the file's entry, without a path.
func (f *File) Stat() (Entry, error) {
	info, err := f.file.Stat()
	if err != nil {
		return Entry{}, err
	}
	return entry(info)
}

// Read reads from the file's position.
func (f *File) Read(p []byte) (int, error) { return f.file.Read(p) }

// ReadAt reads from the given position, see [io.ReaderAt].
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }

// Data returns the next region at or after off that holds data: all the rest,
// since this platform is not asked for holes.
func (f *File) Data(off, size int64) (start, end int64, err error) { return off, size, nil }

// Xattrs returns the file's extended attributes, sorted by name.
func (f *File) Xattrs() ([]manifest.Xattr, error) {
	if !xattr.XATTR_SUPPORTED {
		return nil, nil
	}
	names, err := xattr.FList(f.file)
	if err != nil {
		return nil, err
	}
	var found []manifest.Xattr
	for _, name := range names {
		value, err := xattr.FGet(f.file, name)
		if err != nil {
			continue // gone, or not for us to see
		}
		found = append(found, manifest.Xattr{Name: name, Value: string(value)})
	}
	slices.SortFunc(found, func(a, b manifest.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// Xattrs returns the extended attributes of the directory itself. Those of
// other entries cannot be read relative to a directory here.
func (d *Dir) Xattrs(name string) ([]manifest.Xattr, error) {
	if name != "" || !xattr.XATTR_SUPPORTED {
		return nil, nil
	}
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return (&File{f}).Xattrs()
}
