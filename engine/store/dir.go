package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"phlb/engine/manifest"
)

// Inode is what a look at an entry under the root tells.
type Inode struct {
	manifest.Stored
	Kind  manifest.Kind // 0 for one that no manifest can hold
	Size  int64
	Dev   uint64
	Ino   uint64
	Links uint64
}

// Holds reports whether i still is what a manifest says was stored for e. The
// mode is not looked at: changing it changes no content, and an ordinary user
// cannot always store the one that was asked for.
func (i *Inode) Holds(e *manifest.Entry) bool {
	return i.Is(e.Kind, e.Size) && i.Mtime == e.InSnapshot().Mtime
}

// Is reports whether i is of that kind, and if it is a file, of that size.
func (i *Inode) Is(kind manifest.Kind, size int64) bool {
	return i.Kind == kind && (kind != manifest.File || i.Size == size)
}

// errNotRegular is the error of reading what is no regular file.
var errNotRegular = errors.New("not a regular file")

// Descend opens the directory at the relative path, one name at a time, never
// through a symbolic link and never upwards.
func (d *Dir) Descend(path string) (*Dir, error) {
	if path == "." {
		return d.dup()
	}
	at := d
	for name := range strings.SplitSeq(path, "/") {
		next, err := at.down(name)
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

func (d *Dir) down(name string) (*Dir, error) {
	if name == ".." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return d.Open(name)
}

// Replace makes name in d a link to the file called old in from, in a single
// step: whoever looks sees either the inode before or the one after. It changes
// the time of d, see [Dir.SetMtime].
func (d *Dir) Replace(from *Dir, old, name string) error {
	return d.replace(name, func(temp string) error { return d.Link(from, old, temp) })
}

// ReplaceNew makes name in d a new file in a single step, with what fill writes
// and the metadata of e. It changes the time of d, see [Dir.SetMtime].
func (d *Dir) ReplaceNew(name string, e *manifest.Entry, fill func(*File) error) error {
	return d.replace(name, func(temp string) error {
		f, err := d.Create(temp)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := fill(f); err != nil {
			return err
		}
		var lost *NotKept
		if err := f.Finish(e); err != nil && !errors.As(err, &lost) {
			return err
		}
		// Without this a power loss could keep the new name and lose the bytes.
		return f.Sync()
	})
}

// ReplaceMade makes name in d the entry e, which is neither file nor directory,
// in a single step. It changes the time of d, see [Dir.SetMtime].
func (d *Dir) ReplaceMade(name string, e *manifest.Entry) error {
	return d.replace(name, func(temp string) error {
		var lost *NotKept
		if err := d.Make(temp, e); !errors.As(err, &lost) {
			return err
		}
		return nil
	})
}

func (d *Dir) replace(name string, make func(temp string) error) error {
	temp := tempName(name)
	if err := d.Remove(temp); err != nil {
		return err
	}
	err := make(temp)
	if err == nil {
		err = d.Rename(temp, d, name)
	}
	// Where both were links to one inode, a rename has left both, see rename(2).
	if removed := d.Remove(temp); err == nil {
		err = removed
	}
	return err
}

// tempName returns the name that what is to be called name has before. No source
// is likely to have it, and no two names share one: several are replaced at a
// time. Writers of one backup name exclude each other.
func tempName(name string) string {
	sum := sha256.Sum256([]byte(name)) // names are as long as they may be
	return ".phlb-" + hex.EncodeToString(sum[:8]) + "~"
}

var tempNames = regexp.MustCompile(`^\.phlb-[0-9a-f]{16}~$`)

// IsTemp reports whether a replacement that was cut off may have left a file of
// that name.
func IsTemp(name string) bool { return tempNames.MatchString(name) }

// NotKept says what of a path's metadata the root could not take. It is in the
// manifest all the same.
type NotKept struct {
	What string
	Err  error
}

// Error returns the message.
func (e *NotKept) Error() string { return e.What + " not kept in the snapshot: " + e.Err.Error() }

// Unwrap returns the system's error.
func (e *NotKept) Unwrap() error { return e.Err }

var _ io.WriteCloser = (*File)(nil)
