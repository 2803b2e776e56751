package handle

import (
	"io"

	"github.com/pkg/xattr"
	"golang.org/x/sys/unix"

	"phlb/engine/handle/inode"
	"phlb/engine/manifest"
)

// File is a file that is open for reading.
type File struct{ fd int }

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

// Self returns what the file is.
func (f *File) Self() (Inode, error) { return stat(f.fd, "") }

// Read reads from the file's position.
func (f *File) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(f.fd, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
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
			return done, io.EOF
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
	return inode.Gather(
		func() ([]string, error) { return xattr.List(path) },
		func(name string) ([]byte, error) { return xattr.Get(path, name) })
}
