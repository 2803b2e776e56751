package content

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// TestCopy hashes files around the sizes at which they are read in another way,
// with one worker that is used for all of them and has kept a whole file before.
func TestCopy(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dir, err := walk.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	w := NewWorker()
	for _, size := range []int{0, 1, chunkSize, chunkSize + 1, BufferSize - 1, BufferSize, BufferSize + 1, 5*BufferSize + 7} {
		data := bytes.Repeat([]byte("phlb\x00"), size/5+1)[:size]
		if err := os.WriteFile(filepath.Join(folder, "f"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if whole := w.Whole(BufferSize + 1); len(whole) != BufferSize+1 {
			t.Fatalf("a buffer of %d bytes", len(whole))
		}
		f, err := dir.File("f")
		if err != nil {
			t.Fatal(err)
		}
		seen, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		var read atomic.Int64
		n, err := w.Copy(t.Context(), f, &seen, nil, &read)
		f.Close()
		if want := manifest.Digest(sha256.Sum256(data)); err != nil || n != int64(size) || read.Load() != n || w.Sum() != want {
			t.Errorf("%d bytes: read %d, counted %d, sum %v, %v", size, n, read.Load(), w.Sum(), err)
		}
	}
}
