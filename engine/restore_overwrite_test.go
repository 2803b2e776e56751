package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"phlb/engine"
)

// both checks the numbers of a restore, and those of a dry run before it, which
// must change nothing.
func (r *repo) both(s *engine.Snapshot, o engine.Restoration, want string) *engine.Restored {
	r.Helper()
	target := o.To
	if target == "" {
		target = "to"
	}
	before := map[string]node{}
	if _, err := os.Lstat(r.to(target)); err == nil {
		before = tree(r, r.to(target))
	}
	o.Dry = true
	r.done(r.restore(s, o), want)
	if len(before) > 0 {
		same(r, "after a dry run", tree(r, r.to(target)), before)
	}
	o.Dry = false
	done := r.restore(s, o)
	r.done(done, want)
	return done
}

// age sets the time of a path beside the source, by so many hours from that of
// the file "a" there.
func (r *repo) age(path string, hours int) {
	r.Helper()
	info, err := os.Stat(r.in("a"))
	r.must(err)
	r.must(os.Chtimes(r.to(path), time.Time{}, info.ModTime().Add(time.Duration(hours)*time.Hour)))
}

func (r *repo) holds(path, content string) {
	r.Helper()
	got, err := os.ReadFile(r.to(path))
	if err != nil || string(got) != content {
		r.Errorf("%s holds %q (%v), want %q", path, got, err, content)
	}
}

func TestRestoreOverwrite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule              engine.Overwrite
		want              string
		older, newer, was string // what the files hold then
	}{
		{"", "1 files 1 bytes 1 unchanged 2 skipped", "theirs", "theirs", "755"},
		{engine.Never, "1 files 1 bytes 1 unchanged 2 skipped", "theirs", "theirs", "755"},
		{engine.Newer, "2 files 5 bytes 1 unchanged 1 skipped", "ours", "theirs", "755"},
		{engine.Always, "3 files 9 bytes 1 unchanged", "ours", "ours", "700"},
	} {
		t.Run(string(test.rule), func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "1", "older", "ours", "newer", "ours", "equal", "same")
			r.must(os.Chmod(r.source, 0o700))
			s := r.backup()
			r.place("to", "older", "theirs", "newer", "theirs", "equal", "SAME", "extra", "stays")
			info, err := os.Stat(r.in("equal"))
			r.must(err)
			r.must(os.Chtimes(r.to("to/equal"), time.Time{}, info.ModTime()))
			r.age("to/older", -1)
			r.age("to/newer", 1)
			r.age("to", 1)
			r.both(s, engine.Restoration{Overwrite: test.rule}, test.want)
			r.holds("to/a", "1")
			r.holds("to/older", test.older)
			r.holds("to/newer", test.newer)
			r.holds("to/equal", "SAME") // the content of what seems the same is not read
			r.holds("to/extra", "stays")
			if got := fmt.Sprintf("%o", lstat(t, r.to("to")).mode); got != test.was && runtime.GOOS != "windows" { // which has no modes
				t.Errorf("the directory is %s, want %s", got, test.was)
			}
			left, err := filepath.Glob(r.to("to/.phlb*"))
			r.must(err)
			if len(left) > 0 {
				t.Errorf("%q was left", left)
			}
		})
	}
	r := newRepo(t)
	r.write("a", "1")
	_, err := r.tryRestore(r.backup(), engine.Restoration{Overwrite: "sometimes"})
	if err == nil || !strings.Contains(err.Error(), `overwrite is "sometimes", want never, newer or always`) {
		t.Errorf("a rule that there is not: %v", err)
	}
}

// TestRestoreOverStore restores over files that are those of the snapshot, as
// cp -al would make them: these are replaced, never changed.
func TestRestoreOverStore(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "b", "22", "sub/c", "333")
	s := r.backup()
	r.must(os.MkdirAll(r.to("to/sub"), 0o755))
	for _, path := range []string{"a", "b", "sub/c"} {
		r.must(os.Link(filepath.Join(s.Path, path), r.to("to/"+path)))
	}
	before := tree(t, s.Path)
	r.must(os.Chmod(r.in("b"), 0o600))
	r.restore(s, engine.Restoration{Overwrite: engine.Always})
	for _, path := range []string{"a", "b", "sub/c"} {
		r.together(false, filepath.Join(s.Path, path), r.to("to/"+path))
	}
	for path, n := range before { // but for the links that were taken away
		n.links = lstat(t, filepath.Join(s.Path, path)).links
		before[path] = n
	}
	same(t, "snapshot", tree(t, s.Path), before)
}

// TestRestoreGroups restores names of one inode where some are there already.
func TestRestoreGroups(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) (*repo, *engine.Snapshot) {
		r := newRepo(t)
		r.write("a", "one")
		r.must(os.Mkdir(r.in("sub"), 0o755))
		r.must(os.Link(r.in("a"), r.in("sub/b")))
		r.must(os.Link(r.in("a"), r.in("c")))
		return r, r.backup()
	}
	t.Run("Excluded", func(t *testing.T) {
		r, s := start(t)
		r.both(s, engine.Restoration{Exclude: []string{"a"}}, "2 files 3 bytes 1 linked 2 folders")
		r.together(true, r.to("to/c"), r.to("to/sub/b"))
	})
	t.Run("Kept", func(t *testing.T) {
		r, s := start(t)
		r.place("to", "a", "other")
		r.both(s, engine.Restoration{}, "2 files 3 bytes 1 linked 1 folders 1 skipped")
		r.together(true, r.to("to/c"), r.to("to/sub/b"))
		r.together(false, r.to("to/c"), r.to("to/a"))
	})
	t.Run("Completed", func(t *testing.T) {
		r, s := start(t)
		r.restore(s, engine.Restoration{Include: []string{"c"}})
		r.both(s, engine.Restoration{}, "2 files 2 linked 1 folders 1 unchanged")
		r.together(true, r.to("to/a"), r.to("to/c"))
		r.together(true, r.to("to/a"), r.to("to/sub/b"))
	})
	t.Run("Apart", func(t *testing.T) {
		r, s := start(t)
		r.restore(s, engine.Restoration{Include: []string{"a"}})
		r.restore(s, engine.Restoration{To: "other", Path: "c"})
		r.must(os.Rename(r.to("other"), r.to("to/c")))
		r.both(s, engine.Restoration{}, "1 files 1 linked 1 folders 2 unchanged")
		r.together(false, r.to("to/a"), r.to("to/c")) // as they were
		r.both(s, engine.Restoration{Overwrite: engine.Always}, "1 files 1 linked 2 unchanged")
		r.equal(r.to("to"), r.source)
	})
	t.Run("Replaced", func(t *testing.T) {
		r, s := start(t)
		r.place("to", "a", "other")
		r.must(os.Link(r.to("to/a"), r.to("to/c")))
		r.both(s, engine.Restoration{Overwrite: engine.Always}, "3 files 3 bytes 2 linked 1 folders")
		r.equal(r.to("to"), r.source)
	})
}

// TestRestoreSymlinks has symbolic links in the target that lead out of it.
func TestRestoreSymlinks(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "file", "ours", "sub/b", "2", "sub/deep/c", "3")
	s := r.backup()
	start := func() {
		r.must(os.RemoveAll(r.to("to")))
		r.place("out", "file", "theirs", "b", "theirs")
		r.must(os.Mkdir(r.to("to"), 0o755))
		r.must(os.Symlink(r.to("out/file"), r.to("to/file")))
		r.must(os.Symlink(r.to("out"), r.to("to/sub")))
	}
	start()
	before := tree(t, r.to("out"))
	done := r.both(s, engine.Restoration{Delete: true}, "1 files 1 bytes 3 skipped 1 errors")
	if len(done.Problems) != 1 || done.Problems[0].String() != "in the way: sub: a symlink lies there, all that the directory holds is left out" {
		t.Errorf("problems are %v", done.Problems)
	}
	same(t, "out", tree(t, r.to("out")), before)
	start()
	before = tree(t, r.to("out"))
	r.both(s, engine.Restoration{Overwrite: engine.Always, Delete: true}, "4 files 7 bytes 2 folders")
	r.equal(r.to("to"), r.source)
	same(t, "out", tree(t, r.to("out")), before)

	// A target that is itself named by one is where it leads.
	r.must(os.RemoveAll(r.to("to")))
	r.must(os.Mkdir(r.to("real"), 0o755))
	r.must(os.Symlink("real", r.to("to")))
	r.restore(s, engine.Restoration{})
	r.equal(r.to("real"), r.source)
}

// TestRestoreDirInTheWay has directories where the snapshot has files.
func TestRestoreDirInTheWay(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "b", "2", "c", "3")
	s := r.backup()
	start := func() {
		r.must(os.RemoveAll(r.to("to")))
		r.place("to", "a/x", "theirs")
		r.must(os.Mkdir(r.to("to/b"), 0o755))
	}
	start()
	r.both(s, engine.Restoration{}, "1 files 1 bytes 2 skipped")
	start()
	done := r.both(s, engine.Restoration{Overwrite: engine.Always}, "2 files 2 bytes 1 errors")
	if len(done.Problems) != 1 || !strings.HasPrefix(done.Problems[0].String(), "in the way: a: a directory that is not empty") {
		t.Errorf("problems are %v", done.Problems)
	}
	r.holds("to/a/x", "theirs")
	start()
	r.both(s, engine.Restoration{Overwrite: engine.Always, Delete: true}, "3 files 3 bytes 3 deleted")
	r.equal(r.to("to"), r.source)
}
