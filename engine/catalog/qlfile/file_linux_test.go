package qlfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What lies where a catalog is to be read through an open folder may have been put there
// after that was looked at: a link is not followed, and a pipe not waited for.
func TestOpenThroughHandle(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "catalog.ql")
	file := mustOpen(t, outside)
	fill(t, file, 3)
	if err := file.Publish(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "catalog.ql")
	if err := os.Symlink(outside, path); err != nil {
		t.Fatal(err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	through := fmt.Sprintf("/proc/self/fd/%d/catalog.ql", folder.Fd())
	if _, err := Open(through, t.TempDir(), true, nil); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("a link: %v, want %v", err, syscall.ELOOP)
	}
	f, err := Open(path, t.TempDir(), true, nil) // as the user has named it
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(through, t.TempDir(), true, nil); err == nil {
		t.Error("a pipe was opened")
	}
}
