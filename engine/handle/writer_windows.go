package handle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"

	"phlb/engine/handle/nt"
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

func (d *Writer) dup() (*Writer, error) { return d.Open(".") }

// mkdir makes a directory and opens it.
func (d *Writer) mkdir(name string, _ uint32) (*Writer, error) {
	h, err := nt.Open(d.h, name, nt.Request{Access: toList, Disposition: windows.FILE_CREATE, Options: directory})
	if err != nil {
		return nil, pathError("mkdir", name, err)
	}
	return &Writer{Dir{h}, d.Workshop}, nil
}

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
	err := nt.Link(from.h, old, d.h, name)
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

// renameNew is RenameNew in a single step.
func (d *Writer) renameNew(old string, to *Writer, new string) error {
	return d.move(old, to, new, false)
}

func (d *Writer) move(old string, to *Writer, new string, replace bool) error {
	if err := nt.Move(d.h, old, to.h, new, replace); err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
	}
	return nil
}

// Remove removes the name of what is not a directory, if it exists.
func (d *Writer) Remove(name string) error {
	if err := nt.RemoveFile(d.h, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pathError("remove", name, err)
	}
	return nil
}

// RemoveDir removes the directory called name, which must be empty.
func (d *Writer) RemoveDir(name string) error {
	return pathError("rmdir", name, nt.RemoveDir(d.h, name))
}

// Symlink makes a symbolic link to what target names as seen from the directory,
// which Windows wants to know the kind of.
func (d *Writer) Symlink(target, name string) error {
	isDir := false
	if path, err := nt.FinalPath(d.h); err == nil {
		isDir = leadsToDir(path, target)
	}
	return pathError("symlink", name, nt.MakeReparse(d.h, name, isDir, nt.LinkData(target, false)))
}

// leadsToDir reports whether a link in the directory at path would lead to a
// directory.
func leadsToDir(path, target string) bool {
	if !nt.IsAbsolute(target) {
		target = filepath.Join(path, filepath.FromSlash(target))
	}
	info, err := os.Stat(target)
	return err == nil && info.IsDir()
}

// linkDir makes temp in in a link to the directory called target in d: a symbolic
// link where the user may make one, or else a junction, which everybody may.
func (d *Writer) linkDir(in *Writer, target, temp string) error {
	err := nt.MakeReparse(in.h, temp, true, nt.LinkData(target, false))
	if err == nil || IsFull(err) {
		return err
	}
	path, failed := nt.FinalPath(d.h)
	if strings.HasPrefix(path, `\\?\UNC\`) { // no junction leads to another machine
		failed = err
	}
	if failed == nil {
		failed = nt.MakeReparse(in.h, temp, true, nt.LinkData(strings.TrimPrefix(path, `\\?\`)+`\`+target, true))
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
			flags = nt.FlagsOf(x.Value)
		case attrReparse:
			data = x.Value
		}
	}
	var err error
	switch {
	case data != "":
		err = nt.MakeReparse(d.h, name, flags&windows.FILE_ATTRIBUTE_DIRECTORY != 0, []byte(data))
	case e.Kind == manifest.Symlink:
		err = d.Symlink(e.Target, name)
	default:
		err = fs.ErrPermission
	}
	if err != nil {
		return pathError("make "+e.Kind.String(), name, err)
	}
	h, err := nt.Open(d.h, name, nt.Request{Access: toLook, Options: noFollow})
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
	return pathError("set time", ".", setBasic(d.h, nt.BasicInfo{Written: ticks(t)}))
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
	h, err := nt.Open(d.h, name, nt.Request{Access: toLook, Options: noFollow})
	if err != nil {
		return pathError("open", name, err)
	}
	defer windows.CloseHandle(h)
	return pathError("remove stream", name+stream, nt.RemoveStream(h, stream))
}

// Sync writes the directory's own names to the disk, where the file system can.
// The right to do so is that to add files, which is the same bit.
func (d *Writer) Sync() error {
	h, err := nt.Open(d.h, "", nt.Request{Access: windows.FILE_WRITE_DATA, Options: directory})
	if err != nil {
		return nil // what is made in it would fail
	}
	defer windows.CloseHandle(h)
	if err := windows.FlushFileBuffers(h); err != nil && !nt.IsUnknown(err) && err != windows.ERROR_ACCESS_DENIED && err != windows.ERROR_INVALID_HANDLE {
		return pathError("flush", ".", err)
	}
	return nil
}

// OpenFile opens the regular file called name, and makes it with flags that say
// so.
func (d *Writer) OpenFile(name string, flags int, _ fs.FileMode) (*os.File, error) {
	var h windows.Handle
	err := nt.Patiently(func() (err error) {
		h, err = openFile(d.h, name, nt.RequestOf(flags))
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
	r := nt.Request{
		Access:      windows.FILE_GENERIC_WRITE | windows.FILE_READ_ATTRIBUTES,
		Disposition: windows.FILE_CREATE, Options: noFollow | windows.FILE_NON_DIRECTORY_FILE,
	}
	h, err := nt.Open(d.h, name, r)
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

func isLinkLimit(err error) bool { return errors.Is(err, windows.ERROR_TOO_MANY_LINKS) }

// IsFull reports whether err says that there is no room left.
func IsFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
