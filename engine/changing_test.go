package engine_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
