package mod

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// pinned is a copy of a module as a file system, which has nothing but what the
// lock stands for: a file that is not as it was listed cannot be read.
type pinned struct {
	copied
	listing listing
}

var (
	_ fs.FS         = (*pinned)(nil)
	_ fs.ReadFileFS = (*pinned)(nil)
	_ fs.ReadDirFS  = (*pinned)(nil)
	_ fs.FS         = broken{}
)

// ReadFile implements [fs.ReadFileFS].
func (p *pinned) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	data, err := p.file(p.listing, name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, listed := p.listing[name]; listed {
			return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New(path.Join(p.dir, name) + " is gone, which " + LockName + " pins")}
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return data, err
}

// ReadDir implements [fs.ReadDirFS], from the listing.
func (p *pinned) ReadDir(name string) ([]fs.DirEntry, error) {
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	found := map[string]fs.DirEntry{}
	for file := range p.listing {
		rest, ok := strings.CutPrefix(file, prefix)
		if !ok {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		i := info{name: first, dir: deeper}
		if there, err := os.Stat(filepath.Join(p.dir, filepath.FromSlash(file))); err == nil && !deeper {
			i.size = there.Size()
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
func (p *pinned) Open(name string) (fs.File, error) {
	data, err := p.ReadFile(name)
	if err != nil {
		if entries, notFolder := p.ReadDir(name); notFolder == nil {
			return &opened{info: info{name: path.Base(name), dir: true}, entries: entries}, nil
		}
		return nil, err
	}
	return &opened{Reader: bytes.NewReader(data), info: info{name: path.Base(name), size: int64(len(data))}}, nil
}

// opened is a file or a folder of a module.
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

// info is what there is to say of a file of a module.
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

// broken is a module that cannot be read, and why.
type broken struct{ err error }

func (b broken) Open(string) (fs.File, error) { return nil, b.err }
