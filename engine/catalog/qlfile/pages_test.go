package qlfile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestPages(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "changes"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := newPages(file)
	size := int64(3*blockSize + 100)
	if _, err := p.WriteAt(bytes.Repeat([]byte{1}, int(size)), 0); err != nil {
		t.Fatal(err)
	}
	if err := p.Truncate(blockSize + 50); err != nil {
		t.Fatal(err)
	}
	if _, err := p.WriteAt([]byte{2}, size-1); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, size)
	copy(want, bytes.Repeat([]byte{1}, blockSize+50))
	want[size-1] = 2
	got := make([]byte, size+10)
	if n, _ := p.ReadAt(got, 0); int64(n) != size || !bytes.Equal(got[:n], want) {
		t.Errorf("read %d bytes, want %d: what was cut off has come back", n, size)
	}
}

// A chain of rows that jumps leaves blocks behind that nobody comes for, and
// what makes room of them must not take the block that is being waited for.
func TestScannerJumps(t *testing.T) {
	t.Parallel()
	f := mustOpen(t, filepath.Join(t.TempDir(), "catalog.ql"))
	s := newScanner(&f.pages.layers)
	defer s.close()
	// Blocks beyond the end answer too: what counts is that all do.
	for i := range int64(400) {
		n := (i * 7919) % 1000
		s.block(n)
	}
}
