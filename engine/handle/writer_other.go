//go:build !linux && !windows

package handle

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/pkg/xattr"
	"golang.org/x/sys/unix"

	"phlb/engine/handle/inode"
	"phlb/engine/manifest"
)

// Writer is an open directory that may be changed. All that are opened from one
// share its os.Root, since links can only be made inside of one.
type Writer struct {
	Dir

	// Workshop returns a folder of the same root that nobody but us can change.
	// Replacements are made there first. Directories that are opened from this one
	// have it too. Where it is nil, a new folder beside what is made does instead.
	Workshop func() (*Writer, error)
}

// OpenWriter opens the directory at path.
func OpenWriter(path string) (*Writer, error) {
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	return &Writer{Dir: *d}, nil
}

// Open opens the directory called name.
func (d *Writer) Open(name string) (*Writer, error) {
	if _, err := d.isDir(name); err != nil {
		return nil, err
	}
	return &Writer{Dir{root: d.root, path: d.at(name)}, d.Workshop}, nil
}

func (d *Writer) dup() (*Writer, error) {
	return &Writer{Dir{root: d.root, path: d.path}, d.Workshop}, nil
}

// mkdir makes a directory and opens it.
func (d *Writer) mkdir(name string, mode uint32) (*Writer, error) {
	if err := d.root.Mkdir(d.at(name), fileMode(mode)); err != nil {
		return nil, err
	}
	return d.Open(name)
}

// Allow lets us change the directory called name.
func (d *Writer) Allow(name string) error {
	if _, err := d.isDir(name); err != nil {
		return err
	}
	return d.root.Chmod(d.at(name), 0o700)
}

// AllowSelf lets us change the directory.
func (d *Writer) AllowSelf() error { return d.Chmod(0o700) }

// Chmod gives the directory that mode.
func (d *Writer) Chmod(mode uint32) error { return d.root.Chmod(d.path, fileMode(mode)) }

// Link makes name in d another name of the entry called old in from. It returns
// [ErrLinkLimit] where that has as many as it can have.
func (d *Writer) Link(from *Writer, old, name string) error {
	err := d.root.Link(from.at(old), d.at(name))
	if isLinkLimit(err) {
		return ErrLinkLimit
	}
	return err
}

// Rename moves what is called old in d to the name new in to, in a single step.
func (d *Writer) Rename(old string, to *Writer, new string) error {
	return d.root.Rename(d.at(old), to.at(new))
}

// renameNew says that no call looks and renames in a single step.
func (d *Writer) renameNew(string, *Writer, string) error { return errors.ErrUnsupported }

// Remove removes the name of what is not a directory, if it exists.
func (d *Writer) Remove(name string) error {
	if err := d.root.Remove(d.at(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveDir removes the directory called name, which must be empty.
func (d *Writer) RemoveDir(name string) error { return d.root.Remove(d.at(name)) }

// Symlink makes a symbolic link.
func (d *Writer) Symlink(target, name string) error { return d.root.Symlink(target, d.at(name)) }

// linkDir makes temp in in a link to the directory called target, for d.
func (d *Writer) linkDir(in *Writer, target, temp string) error { return in.Symlink(target, temp) }

// make makes the entry e, which is neither file nor directory, with its metadata, as
// far as the system makes such in a directory that is open; what it does not is
// recorded, for a restore elsewhere.
func (d *Writer) make(name string, e *manifest.Entry) error {
	in, err := d.root.Open(d.path)
	if err != nil {
		return err
	}
	defer in.Close()
	dir := int(in.Fd())
	if e.Kind == manifest.Symlink {
		err = d.Symlink(e.Target, name)
	} else {
		err = makeSpecial(dir, name, e)
	}
	if err != nil {
		return pathError("make "+e.Kind.String(), name, err)
	}
	return inode.Metadata{
		Entry: e,
		Chown: func(uid, gid int) error { return d.root.Lchown(d.at(name), uid, gid) },
		Chmod: func(mode uint32) error {
			if e.Kind == manifest.Symlink {
				return nil // means nothing
			}
			return unix.Fchmodat(dir, name, mode, unix.AT_SYMLINK_NOFOLLOW)
		},
		Xattr: func(manifest.Xattr) error { return errors.ErrUnsupported },
		Utimes: func(atime manifest.Time) error {
			to, err := unix.TimeToTimespec(e.Mtime.Time())
			if err != nil {
				return err
			}
			return unix.UtimesNanoAt(dir, name, []unix.Timespec{to, to}, unix.AT_SYMLINK_NOFOLLOW)
		},
		Look: func() (Inode, error) { return d.Look(name) },
	}.Apply()
}

// Finish gives the directory the metadata of e, once nothing is added to it
// any more. It returns a [*NotKept] where that could not be kept.
func (d *Writer) Finish(e *manifest.Entry) error {
	// Without this a power loss after the seal could leave a directory without the
	// names that were made in it: SyncFS does nothing here.
	if err := d.Sync(); err != nil {
		return err
	}
	return d.finish(".", e)
}

func (d *Writer) finish(name string, e *manifest.Entry) error {
	path := d.at(name)
	return inode.Metadata{
		Entry: e,
		Chown: func(uid, gid int) error { return d.root.Lchown(path, uid, gid) },
		Chmod: func(mode uint32) error { return d.root.Chmod(path, fileMode(mode)) },
		Xattr: func(x manifest.Xattr) error {
			f, err := d.root.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return xattr.FSet(f, x.Name, []byte(x.Value))
		},
		Utimes: func(atime manifest.Time) error { return d.chtimes(path, atime, e.Mtime) },
		Look:   func() (Inode, error) { return d.Look(name) },
	}.Apply()
}

// SetMtime sets the modification time of the directory.
func (d *Writer) SetMtime(t manifest.Time) error {
	_, err := inode.SetMtime(t, func(atime manifest.Time) error { return d.chtimes(d.path, atime, t) }, d.Self)
	return err
}

// chtimes sets the modification time, and the access time unless that is zero.
func (d *Writer) chtimes(path string, atime, mtime manifest.Time) error {
	at := time.Time{} // which leaves it
	if atime != (manifest.Time{}) {
		at = atime.Time()
	}
	return d.root.Chtimes(path, at, mtime.Time())
}

// Touch gives an open file the present as its time of change.
func Touch(f *os.File) error {
	now := time.Now()
	return os.Chtimes(f.Name(), now, now)
}

// RemoveXattr removes an extended attribute of what is called name, "." for the
// directory itself, if it has it.
func (d *Writer) RemoveXattr(name, attribute string) error {
	f, err := d.root.Open(d.at(name))
	if err != nil {
		return err
	}
	defer f.Close()
	return inode.UnlessNone(xattr.FRemove(f, attribute))
}

// Sync writes the directory's own names to the disk, where the system can.
func (d *Writer) Sync() error { return syncDir(&d.Dir) }

// OpenFile opens the regular file called name, and makes it with flags that say
// so.
func (d *Writer) OpenFile(name string, flags int, mode fs.FileMode) (*os.File, error) {
	return d.openFile(name, flags, mode)
}

// NewFile is a regular file that is being made.
type NewFile struct {
	file *os.File
	dir  *Writer
	name string
}

// Create makes the regular file called name; it must not exist.
func (d *Writer) Create(name string) (*NewFile, error) {
	f, err := d.root.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &NewFile{f, d, name}, nil
}

// Write appends to the file.
func (f *NewFile) Write(p []byte) (int, error) { return f.file.Write(p) }

// Skip leaves a hole up to the offset to, the file's end if nothing follows.
func (f *NewFile) Skip(to int64) error {
	if err := f.file.Truncate(to); err != nil {
		return err
	}
	_, err := f.file.Seek(to, 0)
	return err
}

// Finish gives the file the metadata of e. It returns a [*NotKept] where that
// could not be kept, and sets e.Stored where the file system has made another
// time of e's.
func (f *NewFile) Finish(e *manifest.Entry) error {
	// Without this a power loss after the seal could leave a file that is empty:
	// SyncFS does nothing here.
	if err := flush(f.file); err != nil {
		return err
	}
	return f.dir.finish(f.name, e)
}

// Sync writes the file to the disk.
func (f *NewFile) Sync() error { return f.file.Sync() }

// Close releases the file.
func (f *NewFile) Close() error { return f.file.Close() }
