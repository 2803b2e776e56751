package handle

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/pkg/xattr"
	"golang.org/x/sys/unix"

	"phlb/engine/handle/inode"
	"phlb/engine/manifest"
)

// Writer is an open directory that may be changed.
type Writer struct {
	Dir

	// Workshop returns a folder of the same file system that nobody but us can
	// change. What lies open to others until it is whole is made there first, and
	// so are replacements. Directories that are opened from this one have it too.
	// Where it is nil, a new folder beside what is made does instead.
	Workshop func() (*Writer, error)

	private atomic.Bool // whether it is known that nobody else can change it
}

// OpenWriter opens the directory at path. The last name of the path must not be
// a symbolic link.
func OpenWriter(path string) (*Writer, error) {
	fd, err := open(unix.AT_FDCWD, path, unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return &Writer{Dir: Dir{fd}}, nil
}

// Open opens the directory called name.
func (d *Writer) Open(name string) (*Writer, error) {
	fd, err := open(d.fd, name, unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &Writer{Dir: Dir{fd}, Workshop: d.Workshop}, nil
}

// beneath opens the directory at a relative path of one name or several in one call,
// where the system can. Where no mount may be crossed on the way, and one lies there,
// the error is [ErrMounted].
func (d *Writer) beneath(path string, noMount bool) (*Writer, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	if noMount {
		how.Resolve |= unix.RESOLVE_NO_XDEV
	}
	fd, err := unix.Openat2(d.fd, path, &how)
	if noMount && err == unix.EXDEV {
		err = ErrMounted
	}
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return &Writer{Dir: Dir{fd}, Workshop: d.Workshop}, nil
}

func (d *Writer) dup() (*Writer, error) {
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	same := &Writer{Dir: Dir{fd}, Workshop: d.Workshop}
	same.private.Store(d.private.Load())
	return same, nil
}

// mkdir makes a directory, for nobody's eyes beyond the mode, and opens it.
func (d *Writer) mkdir(name string, mode uint32) (*Writer, error) {
	if err := retry(func() error { return unix.Mkdirat(d.fd, name, mode) }); err != nil {
		return nil, pathError("mkdir", name, err)
	}
	made, err := d.Open(name)
	if err == nil {
		made.private.Store(d.private.Load() && mode&0o022 == 0) // else another may have come to lie there by now
	}
	return made, err
}

// isPrivate reports whether nobody else can change what lies in the directory.
// The group's part of the mode bounds what an ACL gives, see acl(5).
func (d *Writer) isPrivate() bool {
	if d.private.Load() {
		return true
	}
	own, err := d.Self()
	private := err == nil && own.UID == uint32(unix.Geteuid()) && own.Mode&0o022 == 0
	d.private.Store(private)
	return private
}

// Allow lets us change the directory called name.
func (d *Writer) Allow(name string) error {
	return pathError("chmod", name, chmodat(d.fd, name, 0o700))
}

// AllowSelf lets us change the directory.
func (d *Writer) AllowSelf() error { return d.Chmod(0o700) }

// Chmod gives the directory that mode.
func (d *Writer) Chmod(mode uint32) error {
	return pathError("chmod", ".", unix.Fchmod(d.fd, mode))
}

// chmodat changes the mode of what is called name, never of what a symbolic link
// leads to. Before Linux 6.6 no call did that: then what lies there is held
// first, and looked at.
func chmodat(dir int, name string, mode uint32) error {
	err := unix.Fchmodat(dir, name, mode, unix.AT_SYMLINK_NOFOLLOW)
	if err != unix.EOPNOTSUPP {
		return err
	}
	held, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(held)
	var st unix.Stat_t
	if err := unix.Fstat(held, &st); err != nil {
		return err
	}
	if manifest.KindOfStat(st.Mode) == manifest.Symlink {
		return unix.ELOOP
	}
	return unix.Fchmodat(unix.AT_FDCWD, procPath(held), mode, 0)
}

// Link makes name in d another name of the entry called old in from, whatever
// its kind. It returns [ErrLinkLimit] where that has as many as it can have, and
// [ErrNoLink] where it can have none.
func (d *Writer) Link(from *Writer, old, name string) error {
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
func (d *Writer) Rename(old string, to *Writer, new string) error {
	if err := unix.Renameat(d.fd, old, to.fd, new); err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
	}
	return nil
}

// renameNew is RenameNew in a single step, which not every file system can do.
func (d *Writer) renameNew(old string, to *Writer, new string) error {
	err := unix.Renameat2(d.fd, old, to.fd, new, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL {
		return errors.ErrUnsupported
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
	}
	return nil
}

// Remove removes the name of what is not a directory, if it exists.
func (d *Writer) Remove(name string) error {
	if err := unix.Unlinkat(d.fd, name, 0); err != nil && err != unix.ENOENT {
		return pathError("remove", name, err)
	}
	return nil
}

// RemoveDir removes the directory called name, which must be empty.
func (d *Writer) RemoveDir(name string) error {
	return pathError("rmdir", name, retry(func() error { return unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) }))
}

// Symlink makes a symbolic link.
func (d *Writer) Symlink(target, name string) error {
	return pathError("symlink", name, unix.Symlinkat(target, d.fd, name))
}

// linkDir makes temp in in a link to the directory called target, for d.
func (d *Writer) linkDir(in *Writer, target, temp string) error { return in.Symlink(target, temp) }

// make makes the entry e, which is neither file nor directory, with its
// metadata, where nobody else can change it meanwhile.
func (d *Writer) make(name string, e *manifest.Entry) error {
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
		return pathError("make "+e.Kind.String(), name, err)
	}
	return inode.Metadata{
		Entry: e,
		Chown: func(uid, gid int) error {
			return unix.Fchownat(d.fd, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
		},
		Chmod: func(mode uint32) error {
			if e.Kind == manifest.Symlink {
				return nil // has none of its own, see symlink(7)
			}
			return chmodat(d.fd, name, mode)
		},
		Xattr: func(x manifest.Xattr) error {
			return unix.Lsetxattr(d.proc(name), x.Name, []byte(x.Value), 0)
		},
		Utimes: func(atime manifest.Time) error { return utimes(d.fd, name, atime, e.Mtime) },
		Look:   func() (Inode, error) { return d.Look(name) },
	}.Apply()
}

// finish gives an open file or directory the metadata of e.
func finish(fd int, e *manifest.Entry) error {
	return inode.Metadata{
		Entry:  e,
		Chown:  func(uid, gid int) error { return unix.Fchown(fd, uid, gid) },
		Chmod:  func(mode uint32) error { return unix.Fchmod(fd, mode) },
		Xattr:  func(x manifest.Xattr) error { return unix.Fsetxattr(fd, x.Name, []byte(x.Value), 0) },
		Utimes: func(atime manifest.Time) error { return utimes(fd, "", atime, e.Mtime) },
		Look:   func() (Inode, error) { return stat(fd, ".") },
	}.Apply()
}

// Finish gives the directory the metadata of e, once nothing is added to it
// any more. It returns a [*NotKept] where that could not be kept.
func (d *Writer) Finish(e *manifest.Entry) error {
	d.private.Store(false)
	return finish(d.fd, e)
}

// SetMtime sets the modification time of the directory.
func (d *Writer) SetMtime(t manifest.Time) error {
	_, err := inode.SetMtime(t, func(atime manifest.Time) error { return utimes(d.fd, "", atime, t) }, d.Self)
	return pathError("utimensat", ".", err)
}

// utimes sets the modification time, and the access time unless that is zero.
// Without a name it is that of dir itself: "." would take the right to search a
// directory, which its new mode may not give even to its owner.
func utimes(dir int, name string, atime, mtime manifest.Time) error {
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}}
	var err error
	if times[1], err = unix.TimeToTimespec(mtime.Time()); err != nil {
		return err
	}
	if atime != (manifest.Time{}) {
		if times[0], err = unix.TimeToTimespec(atime.Time()); err != nil {
			return err
		}
	}
	if name != "" {
		return unix.UtimesNanoAt(dir, name, times[:], unix.AT_SYMLINK_NOFOLLOW)
	}
	return futimens(dir, &times)
}

// futimens is futimens(3).
func futimens(fd int, times *[2]unix.Timespec) error {
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(times)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// Touch gives an open file the present as its time of change, by the clock of
// its file system: on a network that is the server's.
func Touch(f *os.File) error {
	return futimens(int(f.Fd()), &[2]unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}})
}

// RemoveXattr removes an extended attribute of what is called name, "." for the
// directory itself, if it has it.
func (d *Writer) RemoveXattr(name, attribute string) error {
	return inode.UnlessNone(xattr.LRemove(d.proc(name), attribute))
}

// Disinherit takes from what is called name, "." for the directory itself, the
// ACLs that it got from the directory it was made in.
func (d *Writer) Disinherit(name string) error {
	if err := d.RemoveXattr(name, aclAccess); err != nil {
		return err
	}
	return d.RemoveXattr(name, aclDefault)
}

// DisinheritSelf takes from the directory what it bequeaths, so that what is made
// in it does not get access from there that its source does not grant. There
// mostly is no such thing.
func (d *Writer) DisinheritSelf() { unix.Fremovexattr(d.fd, aclDefault) }

// SyncFS writes all of the directory's file system to the disk.
func (d *Writer) SyncFS() error { return unix.Syncfs(d.fd) }

// Sync writes the directory's own names to the disk.
func (d *Writer) Sync() error { return pathError("fsync", ".", unix.Fsync(d.fd)) }

// OpenFile opens the regular file called name, and makes it with flags that say
// so, see open(2).
func (d *Writer) OpenFile(name string, flags int, mode os.FileMode) (*os.File, error) {
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, uint32(mode.Perm()))
		return err
	})
	if err != nil {
		return nil, pathError("open", name, err)
	}
	own, err := stat(fd, name)
	if err == nil && own.Kind != manifest.File {
		err = pathError("open", name, ErrNotRegular)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// NewFile is a regular file that is being made.
type NewFile struct {
	fd   int
	name string
}

// Create makes the regular file called name; it must not exist.
func (d *Writer) Create(name string) (f *NewFile, err error) {
	f = &NewFile{-1, name}
	err = retry(func() error {
		f.fd, err = unix.Openat(d.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, pathError("create", name, err)
	}
	return f, nil
}

// Write appends to the file.
func (f *NewFile) Write(p []byte) (done int, err error) {
	for done < len(p) {
		n, err := unix.Write(f.fd, p[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, pathError("write", f.name, err)
		}
		done += n
	}
	return done, nil
}

// Skip leaves a hole up to the offset to, the file's end if nothing follows.
func (f *NewFile) Skip(to int64) error {
	if err := unix.Ftruncate(f.fd, to); err != nil {
		return pathError("truncate", f.name, err)
	}
	_, err := unix.Seek(f.fd, to, unix.SEEK_SET)
	return pathError("seek", f.name, err)
}

// Finish gives the file the metadata of e. It returns a [*NotKept] where that
// could not be kept, and sets e.Stored where the file system has made another
// time of e's.
func (f *NewFile) Finish(e *manifest.Entry) error { return finish(f.fd, e) }

// Sync writes the file to the disk.
func (f *NewFile) Sync() error { return pathError("fsync", f.name, unix.Fsync(f.fd)) }

// Close releases the file. Its error may be the first that is heard of what
// could not be written, see close(2). A second call does nothing.
func (f *NewFile) Close() error {
	fd := f.fd
	f.fd = -1
	if fd < 0 {
		return nil
	}
	if err := unix.Close(fd); err != unix.EINTR {
		return pathError("close", f.name, err)
	}
	return nil
}

// IsFull reports whether err says that there is no room left.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// SyncsAll says that SyncFS writes all that was made. Where it does not, Finish
// writes each file and directory.
const SyncsAll = true
