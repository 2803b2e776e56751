package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/engine/walk"
)

// TestRacyTimestamps changes a file right after a backup, to the same size. The
// clock that stamps it may not have moved on since.
func TestRacyTimestamps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		looked  config.Attributes
		setBack bool // mtime, so that ctime alone tells
	}{
		{"Mtime", config.Size | config.Mtime, false},
		{"Ctime", config.Size | config.Mtime | config.Ctime | config.Inode, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			r.now = time.Now
			r.config.Unchanged = test.looked
			backup := func() *engine.Snapshot { // without waiting for a tick
				s, err := r.engine().Backup(context.Background(), engine.Source{Root: r.source})
				r.must(err)
				return s
			}
			for round := range 20 {
				r.write("file", string(rune('a'+round)))
				info, err := os.Stat(r.in("file"))
				r.must(err)
				backup()
				r.write("file", "!")
				if test.setBack {
					r.must(os.Chtimes(r.in("file"), time.Time{}, info.ModTime()))
				}
				s := backup()
				r.check(s)
				if got, err := os.ReadFile(filepath.Join(s.Path, "file")); err != nil || string(got) != "!" {
					t.Fatalf("round %d: the change was not noticed, the snapshot has %q (%v)", round, got, err)
				}
			}
		})
	}
}

// TestRacyOnlyOnce has a file that was too young to be trusted, and no longer
// is.
func TestRacyOnlyOnce(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	later := r.now
	r.write("file", "x")
	info, err := os.Stat(r.in("file"))
	r.must(err)
	r.now = func() time.Time { return info.ModTime().Add(time.Millisecond) }
	if e := readManifest(t, r.backup())["file"]; !e.Racy {
		t.Error("a file written a moment before is trusted")
	}
	r.now = later
	r.counts(r.backup(), 0, 1, 0)
	r.counts(r.backup(), 1, 0, 0)
}

// TestUnchangedWithoutCtime leaves out what a network file system may not keep.
func TestUnchangedWithoutCtime(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.config.Unchanged = config.Size | config.Mtime
	r.write("a", "1", "b", "2")
	r.backup()
	info, err := os.Stat(r.in("a"))
	r.must(err)
	r.must(os.Rename(r.in("a"), r.in("aside")))
	r.write("a", "1") // of another inode, and changed later
	r.must(os.Chtimes(r.in("a"), time.Time{}, info.ModTime()))
	r.must(os.Remove(r.in("aside")))
	s := r.backup()
	r.counts(s, 2, 0, 0)
	r.alike(s)
}

// appendAlways appends to the file until the test ends.
func appendAlways(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer f.Close()
		for {
			select {
			case <-stop:
				return
			default:
				f.Write([]byte("more"))
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

// TestUnstable has a file that somebody never stops to append to.
func TestUnstable(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("small", "x", "large", strings.Repeat("y", 8<<20), "quiet", "z")
	appendAlways(t, r.in("large"))
	for range 100 {
		s, err := r.try(engine.Source{})
		r.must(err)
		r.check(s) // every digest is that of the bytes in the snapshot
		if s.Errors == 0 {
			continue // read in the pauses between two writes
		}
		if s.Errors != 1 || s.Files != 3 || s.Complete() {
			t.Errorf("summary %+v", s.Summary)
		}
		log, err := os.ReadFile(s.Path + ".log")
		r.must(err)
		if !bytes.Contains(log, []byte("large: changes while it is read")) {
			t.Errorf("log %s", log)
		}
		if e := readManifest(t, s)["large"]; !e.Racy {
			t.Error("an unstable file is trusted to be unchanged next time")
		}
		return
	}
	t.Error("a file that always grows was never found unstable")
}

// TestReplacedDuringScan has entries become something else, or vanish, after
// they were listed, and after they were looked at.
func TestReplacedDuringScan(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		at     string // when it happens
		errors int64
		words  []string
	}{
		{"a", 2, []string{"b: no such file", "c: became a directory"}},
		{"e", 3, []string{"b: no such file", "c: is no longer a regular file", "d: too many levels of symbolic links"}},
	} {
		t.Run(test.at, func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "1", "b", "22", "c", "333", "d", "4", "e", "5")
			s, err := r.try(engine.Source{Rules: walk.Rules{Where: func(_ int, e *walk.Entry) (bool, error) {
				if e.Path == test.at {
					r.must(os.Remove(r.in("b")))
					r.must(os.Remove(r.in("c")))
					r.must(os.Mkdir(r.in("c"), 0o755))
					r.must(os.Remove(r.in("d")))
					r.must(os.Symlink("/etc/passwd", r.in("d")))
					r.write("e", "longer")
				}
				return true, nil
			}}})
			r.must(err)
			r.check(s)
			if s.Errors != test.errors || s.Complete() {
				t.Errorf("%d errors, want %d", s.Errors, test.errors)
			}
			r.logged(test.words...)
			if e := readManifest(t, s)["e"]; e.Size != 6 {
				t.Errorf("e has %d bytes, want the 6 that were there in the end", e.Size)
			}
			if s = r.backup(); !s.Complete() {
				t.Errorf("%d errors the next time", s.Errors)
			}
			r.alike(s)
		})
	}
}

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
