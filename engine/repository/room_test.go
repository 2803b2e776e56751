package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"phlb/engine/config"
)

func TestFullAt(t *testing.T) {
	base := t.TempDir()
	root, temp := filepath.Join(base, "link"), filepath.Join(base, "temp")
	if err := os.Mkdir(filepath.Join(base, "root"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("root", root); err != nil {
		t.Skip(err)
	}
	repo := &Repository{Env: Environment{TempDir: temp}, Config: &config.Config{Catalog: filepath.Join(root, ".phlb/catalog.ql")}}
	full := func(path string) error {
		return fmt.Errorf("write: %w", &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC})
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	for err, want := range map[error]string{
		nil:                                    "",
		errors.New("another"):                  "",
		syscall.EDQUOT:                         root,
		full("file"):                           root,
		full(filepath.Join(root, "a/file")):    root,
		full(filepath.Join(real, "a/file")):    root,
		full(filepath.Join(temp, "phlb-run-")): temp,
		full("/else/where"):                    "/else",
		full("/proc/self/fd/7/catalog.ql"):     root,
	} {
		if got := repo.FullAt(err, root); got != want {
			t.Errorf("%v: no room in %q, want %q", err, got, want)
		}
	}
}
