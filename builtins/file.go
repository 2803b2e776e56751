package builtins

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/djherbis/times"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/engine/walk"
)

// File is an entry of a source.
type File struct {
	root  string // of the scan
	entry walk.Entry
}

var (
	_ starlark.HasAttrs   = (*File)(nil)
	_ starlark.Comparable = (*File)(nil)
)

// String returns the path.
func (f *File) String() string { return f.entry.Path }

// Type returns "File".
func (f *File) Type() string { return "File" }

// Freeze does nothing: a File never changes.
func (f *File) Freeze() {}

// Truth is always true.
func (f *File) Truth() starlark.Bool { return true }

// Hash is that of the path.
func (f *File) Hash() (uint32, error) { return starlark.String(f.absolute()).Hash() }

func (f *File) absolute() string { return filepath.Join(f.root, filepath.FromSlash(f.entry.Path)) }

var fileAttributes = attributes[*File]{
	"path":  func(f *File) (starlark.Value, error) { return starlark.String(f.entry.Path), nil },
	"abs":   func(f *File) (starlark.Value, error) { return starlark.String(f.absolute()), nil },
	"name":  func(f *File) (starlark.Value, error) { return starlark.String(f.entry.Name()), nil },
	"ext":   func(f *File) (starlark.Value, error) { return starlark.String(f.ext()), nil },
	"dir":   func(f *File) (starlark.Value, error) { return starlark.String(f.entry.Folder()), nil },
	"size":  func(f *File) (starlark.Value, error) { return starlark.MakeInt64(f.entry.Size), nil },
	"mtime": func(f *File) (starlark.Value, error) { return startime.Time(f.entry.Mtime.Time()), nil },
	"ctime": func(f *File) (starlark.Value, error) { return startime.Time(f.entry.Ctime.Time()), nil },
	"atime": func(f *File) (starlark.Value, error) { return startime.Time(f.entry.Atime.Time()), nil },
	"btime": (*File).birth,
	"mode":  func(f *File) (starlark.Value, error) { return starlark.MakeUint64(uint64(f.entry.Mode)), nil },
	"uid":   func(f *File) (starlark.Value, error) { return starlark.MakeUint64(uint64(f.entry.UID)), nil },
	"gid":   func(f *File) (starlark.Value, error) { return starlark.MakeUint64(uint64(f.entry.GID)), nil },
	"kind":  func(f *File) (starlark.Value, error) { return starlark.String(f.entry.Kind.String()), nil },
	"nlink": func(f *File) (starlark.Value, error) { return starlark.MakeUint64(f.entry.Nlink), nil },
}

// ext has no word of ".bashrc", whose name begins with its only point.
func (f *File) ext() string { return path.Ext(strings.TrimLeft(f.entry.Name(), ".")) }

// birth looks the time up only where a script asks: the walk does without.
func (f *File) birth() (starlark.Value, error) {
	t, err := times.Lstat(f.absolute())
	if err != nil {
		return nil, fmt.Errorf("btime: %w", err)
	}
	if !t.HasBirthTime() {
		return starlark.None, nil
	}
	return startime.Time(t.BirthTime()), nil
}

// Attr returns the attribute called name.
func (f *File) Attr(name string) (starlark.Value, error) { return fileAttributes.get(f, name) }

// AttrNames lists the attributes.
func (f *File) AttrNames() []string { return fileAttributes.names() }
