package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
)

// Dir is an open directory under the root. Names given to its methods are
// single names; no method follows a symbolic link.
type Dir struct{ fd int }

const openDir = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// retry calls f until a signal does not interrupt it, see signal(7).
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

func openat(dir int, name string, flags int, mode uint32) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Openat(dir, name, flags, mode)
		return err
	})
	return fd, err
}

func openRoot(path string) (*Dir, error) {
	fd, err := openat(unix.AT_FDCWD, path, openDir, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &Dir{fd}, nil
}

// Open opens the directory called name.
func (d *Dir) Open(name string) (*Dir, error) {
	fd, err := openat(d.fd, name, openDir, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return &Dir{fd}, nil
}

func (d *Dir) dup() (*Dir, error) {
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
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

// Mkdir makes a directory for our eyes only and opens it; [Dir.Finish] gives
// it its metadata once it is full.
func (d *Dir) Mkdir(name string) (*Dir, error) {
	if err := retry(func() error { return unix.Mkdirat(d.fd, name, 0o700) }); err != nil {
		return nil, &os.PathError{Op: "mkdir", Path: name, Err: err}
	}
	return d.Open(name)
}

// Look returns what lies there called name.
func (d *Dir) Look(name string) (Inode, error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return Inode{}, &os.PathError{Op: "lstat", Path: name, Err: err}
	}
	return inode(&st), nil
}

// Self returns what the directory itself is.
func (d *Dir) Self() (Inode, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return Inode{}, &os.PathError{Op: "fstat", Path: ".", Err: err}
	}
	return inode(&st), nil
}

func inode(st *unix.Stat_t) Inode {
	i := Inode{Kind: manifest.KindOfStat(st.Mode), Size: st.Size, Dev: uint64(st.Dev), Ino: st.Ino, Links: uint64(st.Nlink)}
	i.Permissions = manifest.Permissions{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
	i.Mtime = manifest.Time{Sec: int64(st.Mtim.Sec), Nsec: uint32(st.Mtim.Nsec)}
	return i
}

// Names returns the names in the directory, in no order.
func (d *Dir) Names() ([]string, error) {
	again, err := d.Open(".") // reading moves the position of a handle
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again.fd), ".")
	defer f.Close()
	return f.Readdirnames(-1)
}

var direntBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// children calls f with the names in the directory, in no order, with the
// inodes that they are of and with their kinds, 0 for one that the file system
// does not tell here. It ends with the first error. What is removed meanwhile
// may cost others their turn.
func (d *Dir) children(f func(name string, inode uint64, kind manifest.Kind) error) error {
	if _, err := unix.Seek(d.fd, 0, unix.SEEK_SET); err != nil {
		return &os.PathError{Op: "seek", Path: ".", Err: err}
	}
	buf := direntBuffers.Get().(*[32 << 10]byte)
	defer direntBuffers.Put(buf)
	for {
		n := 0
		err := retry(func() (err error) {
			n, err = unix.Getdents(d.fd, buf[:])
			return err
		})
		if err != nil {
			return &os.PathError{Op: "readdir", Path: ".", Err: err}
		}
		if n == 0 {
			return nil
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

// allow lets us change the directory called name, or with "" itself.
func (d *Dir) allow(name string) error {
	chmod := func() error { return unix.Fchmodat(d.fd, name, 0o700, 0) }
	if name == "" { // as in utimes
		chmod = func() error { return unix.Fchmod(d.fd, 0o700) }
	}
	if err := chmod(); err != nil {
		return &os.PathError{Op: "chmod", Path: name, Err: err}
	}
	return nil
}

// Link makes name in d another name of the entry called old in from, whatever
// its kind. It returns [ErrLinkLimit] where that has as many as it can have, and
// [ErrNoLink] where it can have none.
func (d *Dir) Link(from *Dir, old, name string) error {
	err := retry(func() error { return unix.Linkat(from.fd, old, d.fd, name, 0) })
	switch err {
	case nil:
		return nil
	case unix.EMLINK:
		return ErrLinkLimit
	case unix.EPERM, unix.EXDEV:
		return fmt.Errorf("%w: %w", ErrNoLink, err)
	}
	return &os.LinkError{Op: "link", Old: old, New: name, Err: err}
}

// Rename moves what is called old in d to the name new in to, in a single step.
func (d *Dir) Rename(old string, to *Dir, new string) error {
	if err := unix.Renameat(d.fd, old, to.fd, new); err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
	}
	return nil
}

// Remove removes the name of what is not a directory, if it exists.
func (d *Dir) Remove(name string) error {
	if err := unix.Unlinkat(d.fd, name, 0); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

// Read opens the regular file called name for reading.
func (d *Dir) Read(name string) (*os.File, error) {
	// Without O_NONBLOCK, opening a fifo that has come to lie there would hang.
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
	fd, err := openat(d.fd, name, flags|unix.O_NOATIME, 0)
	if err == unix.EPERM { // O_NOATIME is for the owner and root alone
		fd, err = openat(d.fd, name, flags, 0)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	if own, err := (&Dir{fd}).Self(); err != nil || own.Kind != manifest.File {
		unix.Close(fd)
		return nil, &os.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Make makes the entry e, which is neither file nor directory, with its
// metadata. It returns a [*NotKept] where that could not be kept, and sets
// e.Stored where the file system has made another time of e's.
func (d *Dir) Make(name string, e *manifest.Entry) error {
	err := retry(func() error {
		switch e.Kind {
		case manifest.Symlink:
			return unix.Symlinkat(e.Target, d.fd, name)
		case manifest.Fifo:
			return unix.Mknodat(d.fd, name, unix.S_IFIFO|0o600, 0)
		case manifest.Socket:
			return unix.Mknodat(d.fd, name, unix.S_IFSOCK|0o600, 0)
		case manifest.BlockDevice:
			return unix.Mknodat(d.fd, name, unix.S_IFBLK|0o600, int(unix.Mkdev(e.Major, e.Minor)))
		case manifest.CharDevice:
			return unix.Mknodat(d.fd, name, unix.S_IFCHR|0o600, int(unix.Mkdev(e.Major, e.Minor)))
		}
		return unix.EINVAL
	})
	if err != nil {
		return &os.PathError{Op: "make " + e.Kind.String(), Path: name, Err: err}
	}
	return metadata{
		entry: e,
		chown: func(uid, gid int) error {
			return unix.Fchownat(d.fd, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
		},
		chmod: func(mode uint32) error {
			if e.Kind == manifest.Symlink {
				return nil // has none of its own, see symlink(7)
			}
			return unix.Fchmodat(d.fd, name, mode, 0)
		},
		xattr: func(x manifest.Xattr) error {
			return unix.Lsetxattr(procPath(d.fd)+"/"+name, x.Name, []byte(x.Value), 0)
		},
		utimes: func() error { return utimes(d.fd, name, e.Mtime) },
		look:   func() (Inode, error) { return d.Look(name) },
	}.apply()
}

// Finish gives the directory the metadata of e, once nothing is added to it
// any more. It returns a [*NotKept] where that could not be kept.
func (d *Dir) Finish(e *manifest.Entry) error {
	return metadata{
		entry:  e,
		chown:  func(uid, gid int) error { return unix.Fchown(d.fd, uid, gid) },
		chmod:  func(mode uint32) error { return unix.Fchmod(d.fd, mode) },
		xattr:  func(x manifest.Xattr) error { return unix.Fsetxattr(d.fd, x.Name, []byte(x.Value), 0) },
		utimes: func() error { return utimes(d.fd, "", e.Mtime) },
		look:   d.Self,
	}.apply()
}

// SetMtime sets the modification time of the directory.
func (d *Dir) SetMtime(t manifest.Time) error {
	if err := utimes(d.fd, "", t); err != nil {
		return &os.PathError{Op: "utimensat", Path: ".", Err: err}
	}
	return nil
}

// procPath names an open file to calls that take none, see proc(5).
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// utimes sets the modification time, and leaves the access time. Without a name
// it is that of dir itself: "." would take the right to search a directory,
// which its new mode may not give even to its owner.
func utimes(dir int, name string, t manifest.Time) error {
	mtime, err := unix.TimeToTimespec(t.Time())
	if err != nil {
		return err
	}
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, mtime}
	if name != "" {
		return unix.UtimesNanoAt(dir, name, times[:], unix.AT_SYMLINK_NOFOLLOW)
	}
	_, _, errno := unix.Syscall6( // as futimens(3) does
		unix.SYS_UTIMENSAT, uintptr(dir), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// SyncFS writes all of the root's file system to the disk.
func (d *Dir) SyncFS() error { return unix.Syncfs(d.fd) }

// Sync writes the directory's own names to the disk.
func (d *Dir) Sync() error { return unix.Fsync(d.fd) }

// File is a regular file that is being made.
type File struct {
	fd   int
	dir  *Dir
	name string
}

// Create makes the regular file called name; it must not exist.
func (d *Dir) Create(name string) (*File, error) {
	fd, err := openat(d.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: name, Err: err}
	}
	return &File{fd, d, name}, nil
}

// Write appends to the file.
func (f *File) Write(p []byte) (done int, err error) {
	for done < len(p) {
		n, err := unix.Write(f.fd, p[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, &os.PathError{Op: "write", Path: f.name, Err: err}
		}
		done += n
	}
	return done, nil
}

// Skip leaves a hole up to the offset to, the file's end if nothing follows.
func (f *File) Skip(to int64) error {
	if err := unix.Ftruncate(f.fd, to); err != nil {
		return &os.PathError{Op: "truncate", Path: f.name, Err: err}
	}
	if _, err := unix.Seek(f.fd, to, unix.SEEK_SET); err != nil {
		return &os.PathError{Op: "seek", Path: f.name, Err: err}
	}
	return nil
}

// Finish gives the file the metadata of e. It returns a [*NotKept] where that
// could not be kept, and sets e.Stored where the file system has made another
// time of e's.
func (f *File) Finish(e *manifest.Entry) error {
	return metadata{
		entry:  e,
		chown:  func(uid, gid int) error { return unix.Fchown(f.fd, uid, gid) },
		chmod:  func(mode uint32) error { return unix.Fchmod(f.fd, mode) },
		xattr:  func(x manifest.Xattr) error { return unix.Fsetxattr(f.fd, x.Name, []byte(x.Value), 0) },
		utimes: func() error { return utimes(f.fd, "", e.Mtime) },
		look:   (&Dir{f.fd}).Self,
	}.apply()
}

// Sync writes the file to the disk.
func (f *File) Sync() error {
	if err := unix.Fsync(f.fd); err != nil {
		return &os.PathError{Op: "fsync", Path: f.name, Err: err}
	}
	return nil
}

// Close releases the file. Its error may be the first that is heard of what
// could not be written, see close(2). A second call does nothing.
func (f *File) Close() error {
	fd := f.fd
	f.fd = -1
	if fd < 0 {
		return nil
	}
	if err := unix.Close(fd); err != nil && err != unix.EINTR {
		return &os.PathError{Op: "close", Path: f.name, Err: err}
	}
	return nil
}

// IsFull reports whether err says that there is no room left.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
