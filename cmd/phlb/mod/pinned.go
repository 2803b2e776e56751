package mod

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"phlb/cmd/phlb/mod/listed"
)

// pinned returns a copy of a module as a file system of the files that the lock stands
// for. A file that is not as it was listed cannot be read.
func pinned(from copied, files listing) fs.ReadFileFS {
	return &listed.FS{
		Names: slices.Collect(maps.Keys(files)),
		Read: func(name string) ([]byte, error) {
			data, err := from.file(files, name)
			if errors.Is(err, fs.ErrNotExist) {
				err = fs.ErrNotExist
				if _, ok := files[name]; ok {
					err = errors.New(path.Join(from.dir, name) + " is gone, which " + LockName + " pins")
				}
				return nil, &fs.PathError{Op: "open", Path: name, Err: err}
			}
			return data, err
		},
		Size: func(name string) int64 {
			if info, err := os.Stat(filepath.Join(from.dir, filepath.FromSlash(name))); err == nil {
				return info.Size()
			}
			return 0
		},
	}
}

// broken is the file system of a module that cannot be read: every file gives the error.
type broken struct{ err error }

var _ fs.FS = broken{}

func (b broken) Open(string) (fs.File, error) { return nil, b.err }
