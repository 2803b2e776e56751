package lock

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTryLock has two open files fight for a lock.
func TestTryLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	var files [2]*os.File
	for i := range files {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	for i, want := range []bool{true, false} {
		if held, err := TryLock(files[i]); held != want || err != nil {
			t.Errorf("the lock is held: %v, %v, want %v", held, err, want)
		}
	}
	if err := files[0].Close(); err != nil {
		t.Fatal(err)
	}
	if held, err := TryLock(files[1]); !held || err != nil {
		t.Errorf("after the first is closed: %v, %v", held, err)
	}
}
