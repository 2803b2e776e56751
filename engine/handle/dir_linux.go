package handle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"unsafe"

	"github.com/pkg/xattr"
	"golang.org/x/sys/unix"

	"phlb/engine/handle/inode"
	"phlb/engine/manifest"
)

// Dir is an open directory.
type Dir struct{ fd int }

// retry calls f until a signal does not interrupt it, see signal(7).
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// open opens for reading, if it can without touching the access time. It waits
// for nothing: a fifo that has come to lie there would hang otherwise.
func open(dir int, name string, flags int) (fd int, err error) {
	flags |= unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK
	for {
		fd, err = unix.Openat(dir, name, flags|unix.O_NOATIME, 0)
		if err == unix.EPERM {
			// O_NOATIME is for the owner and root alone, see open(2).
			fd, err = unix.Openat(dir, name, flags, 0)
		}
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// Open opens the directory at path, following symbolic links.
func Open(path string) (*Dir, error) {
	fd, err := open(unix.AT_FDCWD, path, unix.O_DIRECTORY)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return &Dir{fd}, nil
}

// Open opens the directory called name.
func (d *Dir) Open(name string) (*Dir, error) {
	fd, err := open(d.fd, name, unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, pathError("open", name, err)
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

// Self returns what the directory itself is.
func (d *Dir) Self() (Inode, error) { return stat(d.fd, ".") }

func stat(fd int, name string) (Inode, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Inode{}, pathError("fstat", name, err)
	}
	return inodeOf(&st), nil
}

// Look returns what lies there called name.
func (d *Dir) Look(name string) (Inode, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Inode{}, pathError("lstat", name, err)
	}
	return inodeOf(&st), nil
}

// Mtime returns the modification time of what lies there called name. It asks the
// file system even where the kernel remembers what that said before, as of FUSE.
func (d *Dir) Mtime(name string) (manifest.Time, error) {
	var st unix.Statx_t
	err := unix.Statx(d.fd, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_FORCE_SYNC, unix.STATX_MTIME, &st)
	return manifest.Time{Sec: st.Mtime.Sec, Nsec: st.Mtime.Nsec}, pathError("statx", name, err)
}

func inodeOf(st *unix.Stat_t) Inode {
	i := Inode{
		Kind: manifest.KindOfStat(st.Mode), Size: st.Size, Blocks: st.Blocks,
		Dev: uint64(st.Dev), Ino: st.Ino, Links: uint64(st.Nlink),
		Ctime: manifest.Time{Sec: int64(st.Ctim.Sec), Nsec: uint32(st.Ctim.Nsec)},
		Atime: manifest.Time{Sec: int64(st.Atim.Sec), Nsec: uint32(st.Atim.Nsec)},
	}
	i.Permissions = manifest.Permissions{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
	i.Mtime = manifest.Time{Sec: int64(st.Mtim.Sec), Nsec: uint32(st.Mtim.Nsec)}
	if i.Kind == manifest.BlockDevice || i.Kind == manifest.CharDevice {
		i.Major, i.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	}
	return i
}

// Readlink returns the target of the symbolic link called name.
func (d *Dir) Readlink(name string) (string, error) {
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(d.fd, name, buf)
		if err != nil {
			return "", pathError("readlink", name, err)
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

var direntBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// Children calls f with the names in the directory that were not read yet, in no
// order, with the inodes that they are of and with their kinds, 0 for one that
// the file system does not tell here. It ends with the first error. What is
// removed meanwhile may cost others their turn.
func (d *Dir) Children(f func(name string, inode uint64, kind manifest.Kind) error) error {
	buf := direntBuffers.Get().(*[64 << 10]byte)
	defer direntBuffers.Put(buf)
	for {
		n, err := unix.Getdents(d.fd, buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return pathError("readdir", ".", err)
		}
		for rest := buf[:n]; len(rest) > 0; {
			// struct linux_dirent64, see getdents64(2).
			inode := binary.NativeEndian.Uint64(rest[unsafe.Offsetof(unix.Dirent{}.Ino):])
			size := binary.NativeEndian.Uint16(rest[unsafe.Offsetof(unix.Dirent{}.Reclen):])
			kind := rest[unsafe.Offsetof(unix.Dirent{}.Type)]
			raw := rest[unsafe.Offsetof(unix.Dirent{}.Name):size]
			name := string(raw[:bytes.IndexByte(raw, 0)])
			rest = rest[size:]
			if name == "." || name == ".." {
				continue
			}
			if err := f(name, inode, manifest.KindOfStat(uint32(kind)<<12)); err != nil {
				return err
			}
		}
	}
}

// Rewind has Children read all names again.
func (d *Dir) Rewind() error {
	_, err := unix.Seek(d.fd, 0, unix.SEEK_SET)
	return pathError("seek", ".", err)
}

// File opens the file called name, of whatever kind, for reading. Nothing but a
// regular file is waited for.
func (d *Dir) File(name string) (*File, error) {
	fd, err := open(d.fd, name, unix.O_NOFOLLOW)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &File{fd}, nil
}

// Read opens the regular file called name for reading.
func (d *Dir) Read(name string) (*os.File, error) {
	f, err := d.File(name)
	if err != nil {
		return nil, err
	}
	own, err := stat(f.fd, name)
	if err == nil && own.Kind != manifest.File {
		err = pathError("open", name, ErrNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return os.NewFile(uintptr(f.fd), name), nil
}

// Xattrs returns the extended attributes of what is called name, or with "" of
// the directory itself, sorted by name.
func (d *Dir) Xattrs(name string) ([]manifest.Xattr, error) {
	if name == "" {
		return (&File{d.fd}).Xattrs()
	}
	path := d.proc(name)
	found, err := inode.Gather(
		func() ([]string, error) { return xattr.LList(path) },
		func(name string) ([]byte, error) { return xattr.LGet(path, name) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // vanished
	}
	return found, err
}

const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)

// Bequeaths reports whether what is made in the directory gets an ACL from it,
// see acl(5).
func (d *Dir) Bequeaths() bool {
	n, err := unix.Fgetxattr(d.fd, aclDefault, nil)
	return err == nil && n > 0
}

// PathOf returns a path of what is called name in the directory, for what takes
// paths alone: it leads through the open directory, and so to no other, as long as
// that is open. It is "" where the system has no such paths, see proc(5).
func (d *Dir) PathOf(name string) string {
	if _, err := os.Stat(procPath(d.fd)); err != nil {
		return ""
	}
	return d.proc(name)
}

// proc names what lies in the directory to calls that take no descriptor.
func (d *Dir) proc(name string) string { return procPath(d.fd) + "/" + name }

// procPath names an open file to calls that take none, see proc(5).
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
