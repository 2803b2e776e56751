package handle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"

	"phlb/engine/manifest"
)

// Writer is an open directory that may be changed.
type Writer struct {
	Dir

	// Workshop returns a folder of the same file system that nobody but us can
	// change. Replacements are made there first. Directories that are opened from
	// this one have it too. Where it is nil, a new folder beside what is made does
	// instead.
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
	below, err := d.Dir.Open(name)
	if err != nil {
		return nil, err
	}
	return &Writer{*below, d.Workshop}, nil
}

func (d *Writer) beneath(string, bool) (*Writer, error) { return nil, errors.ErrUnsupported }

func (d *Writer) dup() (*Writer, error) { return d.Open(".") }

// mkdir makes a directory and opens it.
func (d *Writer) mkdir(name string, _ uint32) (*Writer, error) {
	h, err := open(d.h, name, request{access: toList, disposition: windows.FILE_CREATE, options: directory})
	if err != nil {
		return nil, pathError("mkdir", name, err)
	}
	return &Writer{Dir{h}, d.Workshop}, nil
}

// isPrivate reports whether nobody else can change what lies in the directory.
// It does not matter here: all that is made is given its metadata by its handle.
func (d *Writer) isPrivate() bool { return true }

// Allow lets us change the directory called name: who could not empty it, cannot
// be told by its attributes.
func (d *Writer) Allow(name string) error { return nil }

// AllowSelf does nothing, see [Writer.Allow].
func (d *Writer) AllowSelf() error { return nil }

// Chmod does nothing: a directory's attribute for reading alone means nothing.
func (d *Writer) Chmod(uint32) error { return nil }

// Link makes name in d another name of the entry called old in from. It returns
// [ErrLinkLimit] where that has as many as it can have, and [ErrNoLink] where it
// can have none.
func (d *Writer) Link(from *Writer, old, name string) error {
	err := patiently(func() error {
		h, err := open(from.h, old, request{access: windows.FILE_WRITE_ATTRIBUTES, options: noFollow | windows.FILE_NON_DIRECTORY_FILE})
		if err != nil {
			return err
		}
		defer windows.CloseHandle(h)
		return setName(h, fileLinkInformation, 0, d.h, name)
	})
	switch {
	case err == nil:
		return nil
	case isLinkLimit(err):
		return ErrLinkLimit
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EXDEV):
		return fmt.Errorf("%w: %w", ErrNoLink, err)
	}
	return &os.LinkError{Op: "link", Old: old, New: name, Err: err}
}

// Rename moves what is called old in d to the name new in to, in a single step.
func (d *Writer) Rename(old string, to *Writer, new string) error {
	return d.move(old, to, new, true)
}

// RenameNew is [Writer.Rename] to a name that must be free; else the error is an
// [fs.ErrExist].
func (d *Writer) RenameNew(old string, to *Writer, new string) error {
	return d.move(old, to, new, false)
}

func (d *Writer) move(old string, to *Writer, new string, replace bool) error {
	err := patiently(func() error {
		h, err := open(d.h, old, request{access: windows.DELETE | windows.FILE_READ_ATTRIBUTES, options: noFollow})
		if err != nil {
			return err
		}
		defer windows.CloseHandle(h)
		return rename(h, to.h, new, replace)
	})
	if err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
	}
	return nil
}

// Remove removes the name of what is not a directory, if it exists.
func (d *Writer) Remove(name string) error {
	err := patiently(func() error {
		h, err := open(d.h, name, request{access: windows.DELETE | windows.FILE_READ_ATTRIBUTES | windows.FILE_WRITE_ATTRIBUTES, options: noFollow})
		if err != nil {
			return err
		}
		defer windows.CloseHandle(h)
		if own, err := look(h); err != nil {
			return err
		} else if own.Kind == manifest.Dir {
			return errIsDir
		}
		return remove(h)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pathError("remove", name, err)
	}
	return nil
}

var errIsDir = errors.New("is a directory")

// RemoveDir removes the directory called name, which must be empty.
func (d *Writer) RemoveDir(name string) error {
	return pathError("rmdir", name, patiently(func() error {
		h, err := open(d.h, name, request{access: windows.DELETE | windows.FILE_READ_ATTRIBUTES | windows.FILE_WRITE_ATTRIBUTES, options: noFollow | directory})
		if err != nil {
			return err
		}
		defer windows.CloseHandle(h)
		return remove(h)
	}))
}

// Symlink makes a symbolic link to what target names as seen from the directory,
// which Windows wants to know the kind of.
func (d *Writer) Symlink(target, name string) error {
	isDir := false
	if path, err := finalPath(d.h); err == nil {
		isDir = leadsToDir(path, target)
	}
	return pathError("symlink", name, d.makeReparse(name, isDir, linkData(target, false)))
}

// linkDir makes temp in in a link to the directory called target in d: a symbolic
// link where the user may make one, or else a junction, which everybody may.
func (d *Writer) linkDir(in *Writer, target, temp string) error {
	err := in.makeReparse(temp, true, linkData(target, false))
	if err == nil || IsFull(err) {
		return err
	}
	path, failed := finalPath(d.h)
	if strings.HasPrefix(path, `\\?\UNC\`) { // no junction leads to another machine
		failed = err
	}
	if failed == nil {
		failed = in.makeReparse(temp, true, linkData(strings.TrimPrefix(path, `\\?\`)+`\`+target, true))
	}
	if failed != nil {
		return fmt.Errorf("%w: %w", ErrNoDirLink, err)
	}
	return nil
}

// make makes the symbolic link e, or another kind of link as it was recorded, with
// its metadata. Fifos, sockets and devices of other systems cannot be made here;
// they are recorded, for a restore elsewhere.
func (d *Writer) make(name string, e *manifest.Entry) error {
	flags, data := uint32(0), ""
	for _, x := range e.Xattrs {
		switch x.Name {
		case attrFlags:
			flags = flagsOf(x.Value)
		case attrReparse:
			data = x.Value
		}
	}
	var err error
	switch {
	case data != "":
		err = d.makeReparse(name, flags&windows.FILE_ATTRIBUTE_DIRECTORY != 0, []byte(data))
	case e.Kind == manifest.Symlink:
		err = d.Symlink(e.Target, name)
	default:
		err = fs.ErrPermission
	}
	if err != nil {
		return pathError("make "+e.Kind.String(), name, err)
	}
	h, err := open(d.h, name, request{access: toLook, options: noFollow})
	if err != nil {
		return pathError("open", name, err)
	}
	defer windows.CloseHandle(h)
	return finish(h, e)
}

// Finish gives the directory the metadata of e, once nothing is added to it
// any more. It returns a [*NotKept] where that could not be kept.
func (d *Writer) Finish(e *manifest.Entry) error {
	// Without this a power loss after the seal could leave a directory without the
	// names that were made in it: SyncFS does nothing here.
	if err := d.Sync(); err != nil {
		return err
	}
	return finish(d.h, e)
}

// SetMtime sets the modification time of the directory.
func (d *Writer) SetMtime(t manifest.Time) error {
	return pathError("set time", ".", setBasic(d.h, basicInfo{Written: ticks(t)}))
}

// Touch has the file system give an open file the present as its time of change,
// by its own clock: on a network that is the server's. A byte behind the end, which
// is gone at once, has it do so.
func Touch(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte{'\n'}, info.Size())
	return errors.Join(err, f.Truncate(info.Size()))
}

// RemoveXattr removes what only Windows has of what is called name, "." for the
// directory itself, if it has it and can be without: an alternate stream.
func (d *Writer) RemoveXattr(name, attribute string) error {
	stream, ok := cutStream(attribute)
	if !ok {
		return nil
	}
	h, err := open(d.h, name, request{access: toLook, options: noFollow})
	if err != nil {
		return pathError("open", name, err)
	}
	defer windows.CloseHandle(h)
	s, err := openStream(h, stream, request{access: windows.DELETE})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer windows.CloseHandle(s)
		err = remove(s)
	}
	return pathError("remove stream", name+stream, err)
}

// Disinherit does nothing, see [Dir.Bequeaths].
func (d *Writer) Disinherit(string) error { return nil }

// DisinheritSelf does nothing, see [Dir.Bequeaths].
func (d *Writer) DisinheritSelf() {}

// SyncFS does nothing: that takes an administrator. Every file is synced when it
// is finished, and every directory.
func (d *Writer) SyncFS() error { return nil }

// Sync writes the directory's own names to the disk, where the file system can.
// The right to do so is that to add files, which is the same bit.
func (d *Writer) Sync() error {
	h, err := open(d.h, "", request{access: windows.FILE_WRITE_DATA, options: directory})
	if err != nil {
		return nil // what is made in it would fail
	}
	defer windows.CloseHandle(h)
	if err := windows.FlushFileBuffers(h); err != nil && !isUnknown(err) && err != windows.ERROR_ACCESS_DENIED && err != windows.ERROR_INVALID_HANDLE {
		return pathError("flush", ".", err)
	}
	return nil
}

// OpenFile opens the regular file called name, and makes it with flags that say
// so.
func (d *Writer) OpenFile(name string, flags int, _ fs.FileMode) (*os.File, error) {
	r := request{options: windows.FILE_NON_DIRECTORY_FILE}
	switch flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) {
	case os.O_RDONLY:
		r.access = windows.FILE_GENERIC_READ
	case os.O_WRONLY:
		r.access = windows.FILE_GENERIC_WRITE | windows.FILE_READ_ATTRIBUTES
	case os.O_RDWR:
		r.access = windows.FILE_GENERIC_READ | windows.FILE_GENERIC_WRITE
	}
	if flags&os.O_APPEND != 0 {
		r.access &^= windows.FILE_WRITE_DATA
	}
	switch {
	case flags&os.O_CREATE != 0 && flags&os.O_EXCL != 0:
		r.disposition = windows.FILE_CREATE
	case flags&os.O_CREATE != 0:
		r.disposition = windows.FILE_OPEN_IF
	}
	var h windows.Handle
	err := patiently(func() (err error) {
		h, err = openFile(d.h, name, r)
		return err
	})
	if err != nil {
		return nil, pathError("open", name, err)
	}
	f := os.NewFile(uintptr(h), name)
	if flags&os.O_TRUNC != 0 {
		if err := f.Truncate(0); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// NewFile is a regular file that is being made.
type NewFile struct {
	file   *os.File
	sparse bool // it is known to keep holes
}

// Create makes the regular file called name; it must not exist.
func (d *Writer) Create(name string) (*NewFile, error) {
	r := request{
		access:      windows.FILE_GENERIC_WRITE | windows.FILE_READ_ATTRIBUTES,
		disposition: windows.FILE_CREATE, options: noFollow | windows.FILE_NON_DIRECTORY_FILE,
	}
	h, err := open(d.h, name, r)
	if err != nil {
		return nil, pathError("create", name, err)
	}
	return &NewFile{file: os.NewFile(uintptr(h), name)}, nil
}

// Write appends to the file.
func (f *NewFile) Write(p []byte) (int, error) { return f.file.Write(p) }

// Skip leaves a hole up to the offset to, the file's end if nothing follows.
func (f *NewFile) Skip(to int64) error {
	if !f.sparse {
		f.sparse = true
		var n uint32 // where it cannot be, the hole is filled with zeros
		windows.DeviceIoControl(windows.Handle(f.file.Fd()), windows.FSCTL_SET_SPARSE, nil, 0, nil, 0, &n, nil)
	}
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
	if err := f.file.Sync(); err != nil {
		return err
	}
	return finish(windows.Handle(f.file.Fd()), e)
}

// Sync writes the file to the disk.
func (f *NewFile) Sync() error { return f.file.Sync() }

// Close releases the file.
func (f *NewFile) Close() error { return f.file.Close() }

// SyncsAll says that SyncFS writes all that was made. Where it does not, Finish
// writes each file and directory.
const SyncsAll = false
