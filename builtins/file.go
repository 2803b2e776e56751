package builtins

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/djherbis/times"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/engine/walk"
)

// File is an entry of a source.
type File struct {
	scan  *Scan
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

// absolute is where the file lies, abs where it lies to the script, see [Session.path].
func (f *File) absolute() string { return f.below(f.scan.source.Root) }

func (f *File) abs() string { return f.below(f.scan.root()) }

func (f *File) below(root string) string {
	return filepath.Join(root, filepath.FromSlash(f.entry.Path))
}

// CompareSameType orders Files by path.
func (f *File) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return compare(op, f.absolute(), y.(*File).absolute()), nil
}

var fileAttributes = attributes[*File]{
	"path":  textOf("the path below the source, with slashes", func(f *File) string { return f.entry.Path }),
	"abs":   textOf("the absolute path", (*File).abs),
	"name":  textOf("the last part of the path", func(f *File) string { return f.entry.Name() }),
	"ext":   textOf(`the ending of the name, such as ".iso"; "" if the name has none`, (*File).ext),
	"dir":   textOf("the path without its last part", func(f *File) string { return f.entry.Folder() }),
	"size":  intOf("bytes of content", func(f *File) int64 { return f.entry.Size }),
	"mtime": timeOf("when the content was last changed", func(f *File) time.Time { return f.entry.Mtime.Time() }),
	"ctime": timeOf("when content or metadata were last changed", func(f *File) time.Time { return f.entry.Ctime.Time() }),
	"atime": timeOf("when the content was last read, as far as the file system keeps that", func(f *File) time.Time { return f.entry.Atime.Time() }),
	"btime": {"time", "when the file was made; None where the file system does not tell", (*File).birth},
	"mode":  intOf("permission bits", func(f *File) uint32 { return uint32(f.entry.Mode) }),
	"uid":   intOf("the number of the owner", func(f *File) uint32 { return f.entry.UID }),
	"gid":   intOf("the number of the group", func(f *File) uint32 { return f.entry.GID }),
	"kind":  textOf("file, dir, symlink, fifo, socket, block device or character device", func(f *File) string { return f.entry.Kind.String() }),
	"nlink": intOf("how many names the inode has", func(f *File) uint64 { return f.entry.Nlink }),
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

// unplannedAttributes are those that a file has only once it is in a snapshot: where
// it shares an inode, they are those of another.
var unplannedAttributes = []string{"mtime", "ctime", "atime", "btime", "mode", "uid", "gid", "nlink"}

// Attr returns the attribute called name.
func (f *File) Attr(name string) (starlark.Value, error) {
	if f.scan.planned != "" && slices.Contains(unplannedAttributes, name) {
		return nil, unplanned(f.scan.thread, "the %s of %s", name, f.abs())
	}
	return fileAttributes.get(f, name)
}

// AttrNames lists the attributes.
func (f *File) AttrNames() []string { return fileAttributes.names() }
