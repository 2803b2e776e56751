package walk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/pkg/xattr"
	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
)

// Dir is an open directory. Names given to its methods are single names.
type Dir struct{ fd int }

// OpenRoot opens the directory at path, following symbolic links.
func OpenRoot(path string) (*Dir, error) {
	fd, err := openat(unix.AT_FDCWD, path, unix.O_DIRECTORY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &Dir{fd}, nil
}

// openat opens for reading, if it can without touching the access time.
func openat(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOATIME|unix.O_NONBLOCK, 0)
		if err == unix.EPERM {
			// O_NOATIME is for the owner and root alone, see open(2).
			fd, err = unix.Openat(dir, name, flags|unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		}
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// Open opens the directory called name; a symbolic link is an error.
func (d *Dir) Open(name string) (*Dir, error) {
	fd, err := openat(d.fd, name, unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return &Dir{fd}, nil
}

// Close releases the directory. A second call does nothing: by then the number
// may be that of another file.
func (d *Dir) Close() {
	if d.fd >= 0 {
		unix.Close(d.fd)
	}
	d.fd = -1
}

// Stat returns the directory's own entry, without a path.
func (d *Dir) Stat() (Entry, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return Entry{}, err
	}
	return entry(&st)
}

// Lstat returns the entry called name, without a path. Of a symbolic link it
// includes the target.
func (d *Dir) Lstat(name string) (Entry, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Entry{}, err
	}
	e, err := entry(&st)
	if err == nil && e.Kind == manifest.Symlink {
		e.Target, err = d.readlink(name)
	}
	return e, err
}

func (d *Dir) readlink(name string) (string, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

func entry(st *unix.Stat_t) (Entry, error) {
	e := Entry{
		Dev: uint64(st.Dev), Nlink: uint64(st.Nlink), Blocks: st.Blocks,
		Atime: manifest.Time{Sec: int64(st.Atim.Sec), Nsec: uint32(st.Atim.Nsec)},
	}
	e.Permissions = manifest.Permissions{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
	e.Size, e.Inode = st.Size, st.Ino
	e.Mtime = manifest.Time{Sec: int64(st.Mtim.Sec), Nsec: uint32(st.Mtim.Nsec)}
	e.Ctime = manifest.Time{Sec: int64(st.Ctim.Sec), Nsec: uint32(st.Ctim.Nsec)}
	switch e.Kind = manifest.KindOfStat(st.Mode); e.Kind {
	case 0:
		return e, ErrKind
	case manifest.BlockDevice, manifest.CharDevice:
		e.Major, e.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	}
	return e, nil
}

// dirent is a name in a directory and whether it is that of a directory.
type dirent struct {
	name string
	kind manifest.Kind // Dir, or 0 for anything else
}

var direntBuffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// list appends the names in d to list. With an error it returns what it got.
func (d *Dir) list(list []dirent) ([]dirent, error) {
	buf := direntBuffers.Get().(*[]byte)
	defer direntBuffers.Put(buf)
	for {
		n, err := unix.Getdents(d.fd, *buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return list, err
		}
		for rest := (*buf)[:n]; len(rest) > 0; {
			// struct linux_dirent64, see getdents64(2).
			size := binary.NativeEndian.Uint16(rest[unsafe.Offsetof(unix.Dirent{}.Reclen):])
			kind := rest[unsafe.Offsetof(unix.Dirent{}.Type)]
			raw := rest[unsafe.Offsetof(unix.Dirent{}.Name):size]
			raw = raw[:bytes.IndexByte(raw, 0)]
			rest = rest[size:]
			name := string(raw)
			if name == "." || name == ".." {
				continue
			}
			entry := dirent{name: name}
			switch kind {
			case unix.DT_DIR:
				entry.kind = manifest.Dir
			case unix.DT_UNKNOWN:
				// A failure shows again when the entry is looked at.
				if e, err := d.Lstat(name); err == nil && e.Kind == manifest.Dir {
					entry.kind = manifest.Dir
				}
			}
			list = append(list, entry)
		}
	}
}

// File is a regular file that is open for reading.
type File struct{ fd int }

// File opens the regular file called name. A symbolic link is an error, and
// nothing but a regular file is waited for.
func (d *Dir) File(name string) (*File, error) {
	fd, err := openat(d.fd, name, unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return &File{fd}, nil
}

// Close releases the file. A second call does nothing.
func (f *File) Close() {
	if f.fd >= 0 {
		unix.Close(f.fd)
	}
	f.fd = -1
}

// Fd returns the descriptor, valid until Close.
func (f *File) Fd() int { return f.fd }

// Uncache asks the system to forget what it holds of the file, so that it is
// read from the disk. See posix_fadvise(2).
func (f *File) Uncache() { unix.Fadvise(f.fd, 0, 0, unix.FADV_DONTNEED) }

// Stat returns the file's entry, without a path.
func (f *File) Stat() (Entry, error) { return (&Dir{f.fd}).Stat() }

// Read reads from the file's position.
func (f *File) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(f.fd, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		default:
			return eof(n, len(p))
		}
	}
}

// ReadAt reads from the given position, see [io.ReaderAt].
func (f *File) ReadAt(p []byte, off int64) (done int, err error) {
	for done < len(p) {
		n, err := unix.Pread(f.fd, p[done:], off+int64(done))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return done, err
		case n == 0:
			_, err := eof(0, 1)
			return done, err
		default:
			done += n
		}
	}
	return done, nil
}

// Data returns the next region at or after off that holds data, for a file of
// that size; start is size where only a hole follows. See lseek(2).
func (f *File) Data(off, size int64) (start, end int64, err error) {
	start, err = unix.Seek(f.fd, off, unix.SEEK_DATA)
	switch {
	case err == unix.ENXIO:
		return size, size, nil
	case err == unix.EINVAL: // the file system does not know of holes
		return off, size, nil
	case err != nil:
		return 0, 0, err
	}
	if end, err = unix.Seek(f.fd, start, unix.SEEK_HOLE); err != nil {
		return 0, 0, err
	}
	return min(start, size), min(end, size), nil
}

// Xattrs returns the file's extended attributes, sorted by name.
func (f *File) Xattrs() ([]manifest.Xattr, error) {
	if n, err := unix.Flistxattr(f.fd, nil); n == 0 && err == nil {
		return nil, nil // as nearly always
	}
	path := procPath(f.fd)
	return xattrs(
		func() ([]string, error) { return xattr.List(path) },
		func(name string) ([]byte, error) { return xattr.Get(path, name) })
}

// Xattrs returns the extended attributes of the entry called name, or with ""
// of the directory itself, sorted by name.
func (d *Dir) Xattrs(name string) ([]manifest.Xattr, error) {
	if name == "" {
		return (&File{d.fd}).Xattrs()
	}
	path := procPath(d.fd) + "/" + name
	found, err := xattrs(
		func() ([]string, error) { return xattr.LList(path) },
		func(name string) ([]byte, error) { return xattr.LGet(path, name) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // vanished
	}
	return found, err
}

// procPath names an open file to calls that take none, see proc(5).
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// maxXattrs is how many bytes of attributes a file may have: more make a line
// that is too long for the reader of a manifest.
const maxXattrs = 8 << 20

func xattrs(list func() ([]string, error), get func(string) ([]byte, error)) ([]manifest.Xattr, error) {
	names, err := list()
	if err != nil {
		if errors.Is(err, unix.ENOTSUP) {
			return nil, nil
		}
		return nil, attributeError(err)
	}
	var found []manifest.Xattr
	size := 0
	for _, name := range names {
		value, err := get(name)
		if errors.Is(err, xattr.ENOATTR) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			continue // gone, or not for us to see
		}
		if err != nil {
			return nil, attributeError(err)
		}
		if size += len(name) + len(value); size > maxXattrs {
			return nil, fmt.Errorf("extended attributes take more than the %d MiB that a manifest has room for", maxXattrs>>20)
		}
		found = append(found, manifest.Xattr{Name: name, Value: string(value)})
	}
	slices.SortFunc(found, func(a, b manifest.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// attributeError leaves out the path that only we know the file by.
func attributeError(err error) error {
	var of *xattr.Error
	if errors.As(err, &of) {
		return fmt.Errorf("%s: %w", strings.TrimSpace("extended attributes "+of.Name), of.Err)
	}
	return err
}

// eof returns what [io.Reader] asks for where read(2) returned n of size.
func eof(n, size int) (int, error) {
	if n == 0 && size > 0 {
		return 0, io.EOF
	}
	return n, nil
}
