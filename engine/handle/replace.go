package handle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"syscall"

	"phlb/engine/handle/inode"
	"phlb/engine/manifest"
)

// Descend opens the directory at the relative path, never through a symbolic link
// and never upwards.
func (d *Writer) Descend(path string) (*Writer, error) {
	if path == "." {
		return d.dup()
	}
	names := strings.Split(path, "/")
	for _, name := range names {
		if name == ".." {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrInvalid}
		}
	}
	if len(names) > 1 {
		if at, err := d.beneath(path, false); err == nil {
			return at, nil
		}
		// Not every system can, and no path may be longer than a page. One name at
		// a time, the error is told apart too.
	}
	at := d
	for _, name := range names {
		next, err := at.Open(name)
		if at != d {
			at.Close()
		}
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// OpenUnmounted opens the directory called name, unless something is mounted there:
// then the error is [ErrMounted]. What is deleted or searched for what is too much is
// opened so: somebody may have mounted something in it for a while, as what a system in
// a snapshot needs to be run. Elsewhere a mount is crossed: the folder of a backup, or a
// directory in the target of a restore, may be one.
func (d *Writer) OpenUnmounted(name string) (*Writer, error) {
	at, err := d.beneath(name, true)
	if err == nil || errors.Is(err, ErrMounted) {
		return at, err
	}
	// Not every system can tell. Of directories that are mounted elsewhere in the same
	// file system, this does not.
	if at, err = d.Open(name); err != nil {
		return nil, err
	}
	outer, err := d.Self()
	if err == nil {
		var inner Inode
		if inner, err = at.Self(); err == nil && inner.Dev != outer.Dev {
			err = pathError("open", name, ErrMounted)
		}
	}
	if err != nil {
		at.Close()
		return nil, err
	}
	return at, nil
}

// Mkdir makes a directory for our eyes only and opens it; [Writer.Finish] gives
// it its metadata once it is full.
func (d *Writer) Mkdir(name string) (*Writer, error) { return d.mkdir(name, 0o700) }

// Enter opens the directory called name, and makes it with that mode where it is
// missing.
func (d *Writer) Enter(name string, mode uint32) (*Writer, error) {
	for {
		at, err := d.Open(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return at, err
		}
		if at, err = d.mkdir(name, mode); !errors.Is(err, fs.ErrExist) {
			return at, err
		}
		if i, err := d.Look(name); err == nil && i.Kind != manifest.Dir { // not every system says so at once
			return nil, pathError("open", name, syscall.ENOTDIR)
		}
		// Somebody else was quicker.
	}
}

// Make makes the entry e, which is neither file nor directory, with its
// metadata; nothing may be called name. It returns a [*NotKept] where that could
// not be kept, and sets e.Stored where the file system has made another time of
// e's.
func (d *Writer) Make(name string, e *manifest.Entry) error {
	if d.isPrivate() {
		return d.make(name, e)
	}
	// Owner and mode of what is no file are set by its name. Whoever can change
	// the directory could put a link to something else there in between.
	return d.elsewhere(func(in *Writer, temp string) error {
		lost := in.make(temp, e)
		if err := inode.UnlessNotKept(lost); err != nil {
			return err
		}
		if err := in.RenameNew(temp, d, name); err != nil {
			return err
		}
		return lost
	})
}

// Replace makes name in d a link to the file called old in from, in a single
// step: whoever looks sees either the inode before or the one after. It changes
// the time of d, see [Writer.SetMtime].
func (d *Writer) Replace(from *Writer, old, name string) error {
	return d.replace(name, func(in *Writer, temp string) error { return in.Link(from, old, temp) })
}

// ReplaceNew makes name in d a new file in a single step, with what fill writes
// and the metadata of e. It changes the time of d, see [Writer.SetMtime].
func (d *Writer) ReplaceNew(name string, e *manifest.Entry, fill func(*NewFile) error) error {
	return d.replace(name, func(in *Writer, temp string) error {
		f, err := in.Create(temp)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := fill(f); err != nil {
			return err
		}
		if err := inode.UnlessNotKept(f.Finish(e)); err != nil {
			return err
		}
		// Without this a power loss could keep the new name and lose the bytes.
		return f.Sync()
	})
}

// ReplaceLink makes name in d a link to the directory called target there, in a
// single step: a symbolic one, or what the system has. The error is
// [ErrNoDirLink] where that can be made of no kind.
func (d *Writer) ReplaceLink(target, name string) error {
	return d.replace(name, func(in *Writer, temp string) error { return d.linkDir(in, target, temp) })
}

// ReplaceMade makes name in d the entry e, which is neither file nor directory,
// in a single step. It changes the time of d, see [Writer.SetMtime].
func (d *Writer) ReplaceMade(name string, e *manifest.Entry) error {
	return d.replace(name, func(in *Writer, temp string) error { return inode.UnlessNotKept(in.make(temp, e)) })
}

// RenameNew is [Writer.Rename] to a name that must be free; else the error is an
// [fs.ErrExist]. Not every system can look and rename in a single step.
func (d *Writer) RenameNew(old string, to *Writer, new string) error {
	if err := d.renameNew(old, to, new); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	switch _, err := to.Look(new); {
	case err == nil:
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return d.Rename(old, to, new)
}

func (d *Writer) replace(name string, make func(in *Writer, temp string) error) error {
	return d.elsewhere(func(in *Writer, temp string) error {
		if err := make(in, temp); err != nil {
			return err
		}
		return in.Rename(temp, d, name)
	})
}

// elsewhere calls make with a folder that nobody else can change, and a name that
// is free there. What it leaves is removed.
func (d *Writer) elsewhere(make func(in *Writer, temp string) error) error {
	if d.Workshop != nil {
		in, err := d.Workshop()
		if err != nil {
			return err
		}
		// The directory may be of another file system than the rest, or a
		// subvolume of the same one.
		if err := tidily(in, TempName(), make); !errors.Is(err, syscall.EXDEV) {
			return err
		}
	}
	if d.isPrivate() {
		return tidily(d, TempName(), make)
	}
	folder := TempName()
	in, err := d.Mkdir(folder)
	if err != nil {
		return err
	}
	defer d.RemoveDir(folder)
	defer in.Close()
	if !in.isPrivate() {
		return &fs.PathError{Op: "mkdir", Path: folder, Err: errors.New("another directory was put in its place")}
	}
	return tidily(in, "new", make)
}

func tidily(in *Writer, temp string, make func(in *Writer, temp string) error) error {
	err := make(in, temp)
	// A rename between links to one inode has left both, see rename(2).
	if removed := in.Remove(temp); err == nil {
		err = removed
	}
	return err
}

// TempName returns a name for what gets another one once it is whole. Nobody can
// guess it, and no source is likely to have it.
func TempName() string {
	return fmt.Sprintf(".phlb-%016x~", rand.Uint64())
}

var tempNames = regexp.MustCompile(`^\.phlb-[0-9a-f]{16}~$`)

// IsTemp reports whether a replacement that was cut off may have left something
// of that name.
func IsTemp(name string) bool { return tempNames.MatchString(name) }

var _ io.WriteCloser = (*NewFile)(nil)
