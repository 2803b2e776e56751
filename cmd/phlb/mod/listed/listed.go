// Package listed is a read-only file system of files whose names are known before any
// is read: [FS] gives them folders, and what io/fs wants beside the bytes.
//
// Files have no times, and nobody but [FS.Read] says whether their bytes are right.
package listed

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// FS is a file system of the files that Names lists.
type FS struct {
	Names []string
	Read  func(name string) ([]byte, error) // returns the bytes of a file; a name that is not listed is an error
	Size  func(name string) int64           // returns the size of a file that is listed
}

var (
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.ReadDirFS  = (*FS)(nil)
)

// ReadFile implements [fs.ReadFileFS].
func (f *FS) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return f.Read(name)
}

// ReadDir implements [fs.ReadDirFS].
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	found := map[string]fs.DirEntry{}
	for _, file := range f.Names {
		rest, ok := strings.CutPrefix(file, prefix)
		if !ok {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		i := info{name: first, dir: deeper}
		if !deeper {
			i.size = f.Size(file)
		}
		found[first] = fs.FileInfoToDirEntry(i)
	}
	if len(found) == 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	var all []fs.DirEntry
	for _, key := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[key])
	}
	return all, nil
}

// Open implements [fs.FS].
func (f *FS) Open(name string) (fs.File, error) {
	data, err := f.ReadFile(name)
	if err != nil {
		if entries, notFolder := f.ReadDir(name); notFolder == nil {
			return &opened{info: info{name: path.Base(name), dir: true}, entries: entries}, nil
		}
		return nil, err
	}
	return &opened{Reader: bytes.NewReader(data), info: info{name: path.Base(name), size: int64(len(data))}}, nil
}

// opened is a file or a folder that is open.
type opened struct {
	*bytes.Reader
	info
	entries []fs.DirEntry
}

var _ fs.ReadDirFile = (*opened)(nil)

func (o *opened) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *opened) Close() error               { return nil }
func (o *opened) Size() int64                { return o.info.size }

func (o *opened) Read(p []byte) (int, error) {
	if o.dir {
		return 0, &fs.PathError{Op: "read", Path: o.name, Err: errors.New("is a directory")}
	}
	return o.Reader.Read(p)
}

// ReadDir implements [fs.ReadDirFile].
func (o *opened) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(o.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 {
		n = len(o.entries)
	}
	n = min(n, len(o.entries))
	some := o.entries[:n]
	o.entries = o.entries[n:]
	return some, nil
}

// info is the name, the size and the kind of a file or a folder.
type info struct {
	name string
	size int64
	dir  bool
}

var _ fs.FileInfo = info{}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
