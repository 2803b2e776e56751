package content

import (
	"bytes"
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
	w := NewWorker(manifest.SHA256)
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
		for _, by := range manifest.Algorithms {
			w.Use(by)
			h := by.New()
			h.Write(data)
			want := manifest.SumOf(by, h)
			var read atomic.Int64
			n, err := w.Copy(t.Context(), f, &seen, nil, &read)
			if err != nil || n != int64(size) || read.Load() != n || w.Sum() != want {
				t.Errorf("%d bytes by %v: read %d, counted %d, sum %v, %v", size, by, n, read.Load(), w.Sum(), err)
			}
			if got := w.Digest(data); got != want {
				t.Errorf("%d bytes in memory by %v: sum %v", size, by, got)
			}
			for _, also := range []string{"", "md5", "sha256", "sha512"} {
				_, found, err := w.ReadDigests(t.Context(), f, &seen, also, &read)
				if err != nil || found.Own != want || also != "" && !bytes.Equal(found.By(also), sumBy(also, data)) {
					t.Errorf("%d bytes by %v, and by %q %x, %v", size, found.Own, also, found.By(also), err)
				}
			}
		}
		f.Close()
	}
}

func sumBy(algorithm string, data []byte) []byte {
	h := algorithms[algorithm]()
	h.Write(data)
	return h.Sum(nil)
}
