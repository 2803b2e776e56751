package engine_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
)

// TestMappedWrite writes through a mapping once more after a backup: that moves no
// time before the first write has gone to the disk.
func TestMappedWrite(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.now = time.Now
	elsewhere, err := os.MkdirTemp("/dev/shm", "phlb-mapped-") // the seal syncs the file system of the root
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(elsewhere) })
	r.root = filepath.Join(elsewhere, "root")
	r.config = settings(r.root)
	for range 20 {
		r.write("file", strings.Repeat("a", 4096))
		f, err := os.OpenFile(r.in("file"), os.O_RDWR, 0)
		r.must(err)
		page, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		r.must(err)
		page[0] = 'b'
		before := lstat(t, r.in("file")).mtime
		time.Sleep(50 * time.Millisecond) // older than a tick of the clock
		r.backup()
		page[1] = 'c'
		s := r.backup()
		moved := lstat(t, r.in("file")).mtime != before
		r.must(errors.Join(unix.Munmap(page), f.Close()))
		if moved { // somebody else has synced the file system
			continue
		}
		if got, err := os.ReadFile(filepath.Join(s.Path, "file")); err != nil || string(got[:3]) != "bca" {
			t.Errorf("the snapshot has %q (%v), want what was written last", got[:3], err)
		}
		return
	}
	t.Skip("every write moves the time here")
}

// TestSizeUnknown has files that say that they are empty, and are not.
func TestSizeUnknown(t *testing.T) {
	t.Parallel()
	const source = "/proc/sys/fs/inotify"
	want, err := os.ReadDir(source)
	if err != nil || len(want) == 0 {
		t.Skip("needs procfs")
	}
	r := newRepo(t)
	for range 2 {
		s, err := r.try(engine.Source{Root: source})
		r.must(err)
		r.check(s)
		if s.Errors != int64(len(want)) || s.Files != int64(len(want)) || s.Unchanged > 0 {
			t.Errorf("summary %+v, want %d files, each with a word", s.Summary, len(want))
		}
		for _, f := range want {
			content, err := os.ReadFile(filepath.Join(source, f.Name()))
			r.must(err)
			if got, err := os.ReadFile(filepath.Join(s.Path, f.Name())); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s holds %q (%v), want %q", f.Name(), got, err, content)
			}
		}
		r.logged("says that it is 0 bytes long, ")
	}
}
