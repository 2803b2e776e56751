//go:build !linux && !windows

package handle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/djherbis/times"
	"github.com/pkg/xattr"

	"phlb/engine/handle/inode"
	"phlb/engine/manifest"
)

// Dir is an open directory: what lies at path in root.
type Dir struct {
	root  *os.Root
	path  string
	owner bool // of root
}

// Open opens the directory at path, following symbolic links.
func Open(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{root, ".", true}, nil
}

func (d *Dir) at(name string) string { return filepath.Join(d.path, name) }

// Open opens the directory called name.
func (d *Dir) Open(name string) (*Dir, error) {
	before, err := d.isDir(name)
	if err != nil {
		return nil, err
	}
	root, err := d.root.OpenRoot(d.at(name))
	if err != nil {
		return nil, err
	}
	// os.Root follows links that stay inside; one may just have come up.
	if after, err := root.Stat("."); err != nil || !os.SameFile(before, after) {
		root.Close()
		return nil, pathError("open", name, errReplaced)
	}
	return &Dir{root, ".", true}, nil
}

func (d *Dir) isDir(name string) (fs.FileInfo, error) {
	info, err := d.root.Lstat(d.at(name))
	if err == nil && !info.IsDir() {
		err = pathError("open", name, errors.New("not a directory"))
	}
	return info, err
}

var errReplaced = errors.New("was replaced while it was opened")

// Close releases the directory.
func (d *Dir) Close() {
	if d.owner {
		d.root.Close()
	}
}

// Self returns what the directory itself is.
func (d *Dir) Self() (Inode, error) { return d.Look(".") }

// Look returns what lies there called name.
func (d *Dir) Look(name string) (Inode, error) {
	info, err := d.root.Lstat(d.at(name))
	if err != nil {
		return Inode{}, err
	}
	return inodeOf(info), nil
}

func inodeOf(info fs.FileInfo) Inode {
	i := Inode{Size: info.Size(), Links: 1, Blocks: (info.Size() + 511) / 512}
	i.Kind, _ = manifest.KindOf(info.Mode())
	i.Mode = modeBits(info.Mode())
	t := times.Get(info)
	i.Mtime, i.Atime = manifest.TimeOf(t.ModTime()), manifest.TimeOf(t.AccessTime())
	if t.HasChangeTime() {
		i.Ctime = manifest.TimeOf(t.ChangeTime())
	}
	system(&i, info)
	return i
}

// specialBits are the bits of a mode that package fs has in other places.
var specialBits = []struct {
	is  fs.FileMode
	bit uint32
}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}}

// modeBits returns the twelve low bits that POSIX gives a mode.
func modeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for _, b := range specialBits {
		if m&b.is != 0 {
			bits |= b.bit
		}
	}
	return bits
}

// fileMode is the inverse of modeBits.
func fileMode(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	for _, b := range specialBits {
		if bits&b.bit != 0 {
			mode |= b.is
		}
	}
	return mode
}

// Readlink returns the target of the symbolic link called name.
func (d *Dir) Readlink(name string) (string, error) { return d.root.Readlink(d.at(name)) }

// Children calls f with the names in the directory, in no order; inodes are not
// told here, nor are kinds but that of a directory. It ends with the first error.
func (d *Dir) Children(f func(name string, inode uint64, kind manifest.Kind) error) error {
	dir, err := d.root.Open(d.path)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, failed := dir.ReadDir(-1)
	for _, e := range entries {
		kind, _ := manifest.KindOf(e.Type())
		if err := f(e.Name(), 0, kind); err != nil {
			return err
		}
	}
	return failed
}

// File opens the regular file called name for reading.
func (d *Dir) File(name string) (*File, error) {
	f, err := d.Read(name)
	if err != nil {
		return nil, err
	}
	return &File{f}, nil
}

// Read opens the regular file called name for reading.
func (d *Dir) Read(name string) (*os.File, error) { return d.openFile(name, os.O_RDONLY, 0) }

// openFile opens or makes a regular file. What lies there already is looked at
// first: os.Root follows links that stay inside.
func (d *Dir) openFile(name string, flags int, mode fs.FileMode) (*os.File, error) {
	before, err := d.root.Lstat(d.at(name))
	switch {
	case errors.Is(err, fs.ErrNotExist) && flags&os.O_CREATE != 0:
		flags |= os.O_EXCL
	case err != nil:
		return nil, err
	case !before.Mode().IsRegular():
		return nil, pathError("open", name, ErrNotRegular)
	}
	f, err := d.root.OpenFile(d.at(name), flags, mode)
	if err != nil || before == nil {
		return f, err
	}
	if after, err := f.Stat(); err != nil || !os.SameFile(before, after) {
		f.Close()
		return nil, pathError("open", name, errReplaced)
	}
	return f, nil
}

// Xattrs returns the extended attributes of what is called name, or with "" of
// the directory itself, sorted by name. Only those of files and directories can
// be read here.
func (d *Dir) Xattrs(name string) ([]manifest.Xattr, error) {
	i, err := d.Look(name)
	if err != nil || !xattr.XATTR_SUPPORTED || i.Kind != manifest.File && i.Kind != manifest.Dir {
		return nil, nil // not to be had, or vanished
	}
	f, err := d.root.Open(d.at(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return (&File{f}).Xattrs()
}

// File is a regular file that is open for reading.
type File struct{ file *os.File }

// Close releases the file.
func (f *File) Close() { f.file.Close() }

// Fd returns the descriptor, valid until Close.
func (f *File) Fd() int { return int(f.file.Fd()) }

// Self returns what the file is.
func (f *File) Self() (Inode, error) {
	info, err := f.file.Stat()
	if err != nil {
		return Inode{}, err
	}
	return inodeOf(info), nil
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
	return inode.Gather(
		func() ([]string, error) { return xattr.FList(f.file) },
		func(name string) ([]byte, error) { return xattr.FGet(f.file, name) })
}
