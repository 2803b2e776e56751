package publish

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Whoever reads the old file goes on with it.
func TestRenameOntoOpen(t *testing.T) {
	t.Parallel()
	old, new := filepath.Join(t.TempDir(), "old"), filepath.Join(t.TempDir(), "new")
	write(t, old, "before")
	reader := open(t, old)
	for range 2 { // the first one that was replaced is still open
		write(t, new, "after")
		if err := Rename(new, old); err != nil {
			t.Fatal(err)
		}
	}
	check(t, reader, "before")
	check(t, open(t, old), "after")
}

func TestRenameErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, new := range []string{filepath.Join(dir, "new"), filepath.Join(dir, "none", "new")} {
		if err := Rename(filepath.Join(dir, "old"), new); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file that is not there is renamed: %v", err)
		}
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"first, and long", "second"} {
		if err := WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		reader := open(t, path)
		check(t, reader, text)
		reader.Close()
	}
	if err := WriteFile(filepath.Join(dir, "none", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is written to a folder that is not there: %v", err)
	}
	if names, err := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("there are %v, %v", names, err)
	}
}

func TestWriteFileOntoOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "before")
	reader := open(t, path)
	if err := WriteFile(path, []byte("after"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, reader, "before")
	check(t, open(t, path), "after")
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := Open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func check(t *testing.T, f *os.File, want string) {
	t.Helper()
	if text, err := io.ReadAll(f); string(text) != want || err != nil {
		t.Errorf("there is %q, %v; want %q", text, err, want)
	}
}
