package handle

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/windows"

	"phlb/engine/handle/nt"
	"phlb/engine/manifest"
)

// Dir is an open directory.
type Dir struct{ h windows.Handle }

const (
	toLook    = windows.FILE_READ_ATTRIBUTES
	toList    = windows.FILE_LIST_DIRECTORY | windows.FILE_TRAVERSE | windows.FILE_READ_ATTRIBUTES
	noFollow  = windows.FILE_OPEN_REPARSE_POINT
	directory = windows.FILE_DIRECTORY_FILE
)

// Open opens the directory at path, following symbolic links.
func Open(path string) (*Dir, error) {
	nt.Privileges()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// That handle keeps others from renaming the directory.
	h, err := nt.Open(windows.Handle(f.Fd()), "", nt.Request{Access: toList, Options: directory})
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return &Dir{h}, nil
}

// Open opens the directory called name.
func (d *Dir) Open(name string) (*Dir, error) {
	h, err := openDir(d.h, name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &Dir{h}, nil
}

func openDir(dir windows.Handle, name string) (windows.Handle, error) {
	return nt.OpenAs(dir, name, nt.Request{Access: toList}, fs.ModeDir, syscall.ENOTDIR)
}

// Close releases the directory. A second call does nothing.
func (d *Dir) Close() {
	if d.h != 0 {
		windows.CloseHandle(d.h)
	}
	d.h = 0
}

// Self returns what the directory itself is.
func (d *Dir) Self() (Inode, error) {
	own, err := look(d.h)
	return own.Inode, pathError("stat", ".", err)
}

// Look returns what lies there called name.
func (d *Dir) Look(name string) (Inode, error) {
	own, err := d.look(name)
	return own.Inode, err
}

func (d *Dir) look(name string) (looked, error) {
	h, err := nt.Open(d.h, name, nt.Request{Access: toLook, Options: noFollow})
	if err != nil {
		return looked{}, pathError("lstat", name, err)
	}
	defer windows.CloseHandle(h)
	own, err := look(h)
	return own, pathError("lstat", name, err)
}

// looked is an inode, with what only Windows has of it.
type looked struct {
	Inode
	nt nt.Looked
}

// look returns what is open.
func look(h windows.Handle) (own looked, err error) {
	if own.nt, err = nt.Look(h); err != nil {
		return own, err
	}
	own.Kind, _ = manifest.KindOf(own.nt.Type)
	own.Mode = 0o777
	if own.Kind == manifest.File {
		own.Mode = 0o666
		if own.nt.Attributes&windows.FILE_ATTRIBUTE_READONLY != 0 {
			own.Mode = 0o444
		}
		own.Size = own.nt.Size // that of others is what the system uses for itself
	}
	own.Blocks, own.Links = (own.nt.Allocated+511)/512, own.nt.Links
	own.Mtime, own.Atime, own.Ctime = timeOf(own.nt.Written), timeOf(own.nt.Accessed), timeOf(own.nt.Changed)
	own.Remote = own.Kind == manifest.File && own.nt.Attributes&recalls != 0
	own.Dev, own.Ino = own.nt.Volume, own.nt.ID
	return own, nil
}

// recalls are the attributes of a file that OneDrive or an archive gives back when
// it is read.
const recalls = windows.FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS | windows.FILE_ATTRIBUTE_RECALL_ON_OPEN | windows.FILE_ATTRIBUTE_OFFLINE

// Readlink returns the target of the symbolic link called name.
func (d *Dir) Readlink(name string) (string, error) {
	data, err := nt.Reparse(d.h, name)
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	return nt.Target(data), nil
}

// Children calls f with the names in the directory, in no order, with the inodes
// that they are of and with their kinds, 0 for one that is not told here. It ends
// with the first error.
func (d *Dir) Children(f func(name string, inode uint64, kind manifest.Kind) error) error {
	return nt.Names(d.h, func(name string, id uint64, attributes uint32) error {
		kind := manifest.Kind(0)
		if attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT == 0 {
			kind, _ = manifest.KindOf(nt.TypeOf(attributes, 0))
		}
		return f(name, id, kind)
	})
}

// File opens the regular file called name for reading.
func (d *Dir) File(name string) (*File, error) {
	f, err := d.Read(name)
	if err != nil {
		return nil, err
	}
	return &File{f, d}, nil
}

// Read opens the regular file called name for reading.
func (d *Dir) Read(name string) (*os.File, error) {
	h, err := openFile(d.h, name, nt.Request{Access: windows.FILE_GENERIC_READ})
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return os.NewFile(uintptr(h), name), nil
}

// openFile opens or makes a regular file.
func openFile(dir windows.Handle, name string, r nt.Request) (windows.Handle, error) {
	return nt.OpenAs(dir, name, r, 0, ErrNotRegular)
}

// File is a regular file that is open for reading.
type File struct {
	file *os.File
	dir  *Dir
}

// Close releases the file.
func (f *File) Close() { f.file.Close() }

// Fd returns the descriptor, valid until Close.
func (f *File) Fd() int { return int(f.file.Fd()) }

// Self returns what the file is.
func (f *File) Self() (Inode, error) {
	own, err := look(windows.Handle(f.file.Fd()))
	return own.Inode, pathError("stat", "", err)
}

// Read reads from the file's position.
func (f *File) Read(p []byte) (int, error) {
	n, err := f.file.Read(p)
	return n, bareUnlessEnd(err)
}

// ReadAt reads from the given position, see [io.ReaderAt].
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.file.ReadAt(p, off)
	return n, bareUnlessEnd(err)
}

func bareUnlessEnd(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok && err != io.EOF {
		return at.Err
	}
	return err
}

// Data returns the next region at or after off that holds data, for a file of
// that size; start is size where only a hole follows.
func (f *File) Data(off, size int64) (start, end int64, err error) {
	return nt.Data(windows.Handle(f.file.Fd()), off, size)
}
