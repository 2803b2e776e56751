package listed

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// The file system has the files that are listed and the folders that they lie in.
func TestFS(t *testing.T) {
	files := map[string]string{"a.star": "x = 1\n", "lib/b.star": "", "lib/deep/c.star": "y"}
	f := &FS{
		Read: func(name string) ([]byte, error) {
			text, ok := files[name]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return []byte(text), nil
		},
		Size: func(name string) int64 { return int64(len(files[name])) },
	}
	for name := range files {
		f.Names = append(f.Names, name)
	}
	if err := fstest.TestFS(f, f.Names...); err != nil {
		t.Error(err)
	}
}
