package handle

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

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
	privileges()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// That handle keeps others from renaming the directory.
	h, err := open(windows.Handle(f.Fd()), "", request{access: toList, options: directory})
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
	// Not for directories alone: of a file the system would say that there is none.
	h, err := open(dir, name, request{access: toList, options: noFollow})
	if err != nil {
		return 0, err
	}
	own, err := look(h)
	if err == nil && own.Kind != manifest.Dir {
		err = syscall.ENOTDIR
	}
	if err == nil && own.tag != 0 { // of a filter, and no link
		var through windows.Handle
		if through, err = open(dir, name, request{access: toList, options: directory}); err == nil {
			windows.CloseHandle(h)
			h = through
			if behind, failed := look(h); failed != nil || !behind.SameAs(&own.Inode) {
				err = errReplaced
			}
		}
	}
	if err != nil {
		windows.CloseHandle(h)
		return 0, err
	}
	return h, nil
}

var errReplaced = errors.New("was replaced while it was opened")

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
	h, err := open(d.h, name, request{access: toLook, options: noFollow})
	if err != nil {
		return looked{}, pathError("lstat", name, err)
	}
	defer windows.CloseHandle(h)
	own, err := look(h)
	return own, pathError("lstat", name, err)
}

// What GetFileInformationByHandleEx returns, see there.
type (
	basicInfo struct {
		Created, Accessed, Written, Changed int64
		Attributes                          uint32
	}
	standardInfo struct {
		Allocated, Size int64
		Links           uint32
		DeletePending   bool
		Directory       bool
	}
	tagInfo struct{ Attributes, Tag uint32 }
	idInfo  struct {
		Volume uint64
		ID     [2]uint64
	}
)

// looked is an inode, with what only Windows has of it.
type looked struct {
	Inode
	attributes uint32
	tag        uint32 // of a reparse point
	created    int64
}

// look returns what is open.
func look(h windows.Handle) (own looked, err error) {
	basic, err := information[basicInfo](h, windows.FileBasicInfo)
	if err != nil {
		return own, err
	}
	standard, err := information[standardInfo](h, windows.FileStandardInfo)
	if err != nil {
		return own, err
	}
	if basic.Attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		tag, err := information[tagInfo](h, windows.FileAttributeTagInfo)
		if err != nil {
			return own, err
		}
		own.tag = tag.Tag
	}
	own.attributes, own.created = basic.Attributes, basic.Created
	own.Kind = kindOf(basic.Attributes, own.tag)
	own.Mode = 0o777
	if own.Kind == manifest.File {
		own.Mode = 0o666
		if basic.Attributes&windows.FILE_ATTRIBUTE_READONLY != 0 {
			own.Mode = 0o444
		}
	}
	own.Size, own.Blocks, own.Links = standard.Size, (standard.Allocated+511)/512, uint64(standard.Links)
	if own.Kind != manifest.File {
		own.Size = 0 // what the system uses for itself
	}
	own.Mtime, own.Atime, own.Ctime = timeOf(basic.Written), timeOf(basic.Accessed), timeOf(basic.Changed)
	own.Remote = own.Kind == manifest.File && basic.Attributes&recalls != 0
	own.Dev, own.Ino = identity(h)
	return own, nil
}

// recalls are the attributes of a file that OneDrive or an archive gives back when
// it is read.
const recalls = windows.FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS | windows.FILE_ATTRIBUTE_RECALL_ON_OPEN | windows.FILE_ATTRIBUTE_OFFLINE

// identity returns the numbers that tell a file from all others, zeros where the
// file system has none. An ID of 128 bits, as ReFS has them, is folded to 64: on
// NTFS the rest is zero.
func identity(h windows.Handle) (volume, file uint64) {
	if id, err := information[idInfo](h, windows.FileIdInfo); err == nil {
		const odd = 0x9e3779b97f4a7c15 // of the golden ratio: spreads small numbers
		return id.Volume, id.ID[0] ^ id.ID[1]*odd
	}
	var by windows.ByHandleFileInformation
	if windows.GetFileInformationByHandle(h, &by) != nil {
		return 0, 0
	}
	return uint64(by.VolumeSerialNumber), uint64(by.FileIndexHigh)<<32 | uint64(by.FileIndexLow)
}

// Windows counts tenths of microseconds since 1601.
const (
	perSecond = 10_000_000
	epoch     = 11_644_473_600 // from 1601 to 1970, in seconds
)

func timeOf(t int64) manifest.Time {
	sec := t / perSecond
	return manifest.Time{Sec: sec - epoch, Nsec: uint32(t-sec*perSecond) * 100}
}

// ticks is the inverse of timeOf. What lies outside of what Windows can keep
// becomes the nearest that it can; zero would leave a time as it is.
func ticks(t manifest.Time) int64 {
	const last = 1<<63/perSecond - 1
	return max(1, min(t.Sec+epoch, last)*perSecond+int64(t.Nsec/100))
}

// Readlink returns the target of the symbolic link called name.
func (d *Dir) Readlink(name string) (string, error) {
	data, err := d.reparse(name)
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	return target(data), nil
}

// Children calls f with the names in the directory, in no order, with the inodes
// that they are of and with their kinds, 0 for one that is not told here. It ends
// with the first error.
func (d *Dir) Children(f func(name string, inode uint64, kind manifest.Kind) error) error {
	// FILE_ID_BOTH_DIR_INFO
	type entry struct {
		Next, Index                         uint32
		Created, Accessed, Written, Changed int64
		Size, Allocated                     int64
		Attributes, NameLength, EaSize      uint32
		ShortLength                         byte
		Short                               [12]uint16
		ID                                  uint64
		Name                                [1]uint16
	}
	buf := make([]uint64, 8<<10)
	class := uint32(windows.FileIdBothDirectoryRestartInfo)
	for {
		err := windows.GetFileInformationByHandleEx(d.h, class, (*byte)(unsafe.Pointer(&buf[0])), uint32(8*len(buf)))
		if err == windows.ERROR_NO_MORE_FILES || err == windows.ERROR_FILE_NOT_FOUND {
			return nil
		}
		if err != nil {
			return pathError("readdir", ".", err)
		}
		class = windows.FileIdBothDirectoryInfo
		for at := unsafe.Pointer(&buf[0]); ; {
			e := (*entry)(at)
			name := windows.UTF16ToString(unsafe.Slice(&e.Name[0], e.NameLength/2))
			if name != "." && name != ".." {
				kind := manifest.Kind(0)
				if e.Attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT == 0 {
					kind = kindOf(e.Attributes, 0)
				}
				if err := f(name, e.ID, kind); err != nil {
					return err
				}
			}
			if e.Next == 0 {
				break
			}
			at = unsafe.Add(at, e.Next)
		}
	}
}

// Rewind does nothing: Children always reads all names.
func (d *Dir) Rewind() error { return nil }

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
	h, err := openFile(d.h, name, request{access: windows.FILE_GENERIC_READ})
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return os.NewFile(uintptr(h), name), nil
}

// openFile opens or makes a regular file.
func openFile(dir windows.Handle, name string, r request) (h windows.Handle, err error) {
	follows := r
	r.options |= noFollow
	if h, err = open(dir, name, r); err != nil {
		return 0, err
	}
	own, err := look(h)
	if err == nil && own.Kind != manifest.File {
		err = ErrNotRegular
	}
	if err == nil && own.tag != 0 { // of a filter, and no link: what it hides is wanted
		var through windows.Handle
		if through, err = open(dir, name, follows); err == nil {
			windows.CloseHandle(h)
			h = through
			if behind, failed := look(h); failed != nil || !behind.SameAs(&own.Inode) {
				err = errReplaced
			}
		}
	}
	if err != nil {
		windows.CloseHandle(h)
		return 0, err
	}
	return h, nil
}

// Bequeaths reports whether what is made in the directory gets an ACL from it
// that it should not have: [NewFile.Finish] replaces it.
func (d *Dir) Bequeaths() bool { return false }

// File is a regular file that is open for reading.
type File struct {
	file *os.File
	dir  *Dir
}

// Close releases the file.
func (f *File) Close() { f.file.Close() }

// Fd returns the descriptor, valid until Close.
func (f *File) Fd() int { return int(f.file.Fd()) }

// Uncache does nothing: the system cannot be asked to read from the disk.
func (f *File) Uncache() {}

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
	type ranges struct{ Offset, Length int64 } // FILE_ALLOCATED_RANGE_BUFFER
	asked := ranges{off, size - off}
	var found ranges
	var n uint32
	err = windows.DeviceIoControl(windows.Handle(f.file.Fd()), windows.FSCTL_QUERY_ALLOCATED_RANGES, (*byte)(unsafe.Pointer(&asked)), uint32(unsafe.Sizeof(asked)),
		(*byte)(unsafe.Pointer(&found)), uint32(unsafe.Sizeof(found)), &n, nil)
	switch {
	case err != nil && err != windows.ERROR_MORE_DATA: // not every file system can tell
		return off, size, nil
	case n == 0:
		return size, size, nil
	}
	start = max(off, found.Offset)
	return min(start, size), min(found.Offset+found.Length, size), nil
}
