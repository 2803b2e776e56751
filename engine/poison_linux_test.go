package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/config"
)

// TestPoison has content in the root that is not what its manifest says, with
// size and times as they were: from a file that its owner may write, from the
// manifest of another host, and for the same path from one. No later snapshot
// links to it.
func TestPoison(t *testing.T) {
	t.Run("Owner", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs root to have files of others")
		}
		r := newRepo(t)
		large := strings.Repeat("large", 1<<18)
		r.write("a", "content", "b", "content", "large", large)
		for _, path := range []string{"a", "b", "large"} {
			r.must(os.Chown(r.in(path), 1000, 1000))
		}
		first := r.backup()
		r.rot(filepath.Join(first.Path, "a"))
		r.rot(filepath.Join(first.Path, "large"))
		r.write("new", "content", "new large", large)
		r.must(os.Chown(r.in("new"), 1000, 1000))
		r.must(os.Chown(r.in("new large"), 1000, 1000))
		s, err := r.try(engine.Source{Name: "another"})
		r.must(err)
		r.check(s)
		r.alike(s)
		for _, path := range []string{"a", "large"} {
			r.together(false, filepath.Join(first.Path, path), filepath.Join(s.Path, path))
		}
		r.together(true, filepath.Join(s.Path, "a"), filepath.Join(s.Path, "new"))
	})
	t.Run("OtherHost", func(t *testing.T) {
		r := newRepo(t)
		ann, bob := r.host("ann"), r.host("bob")
		ann.hostname, bob.hostname = "ann", "bob"
		ann.write("a", "content", "fine", "as it was")
		first := ann.backup()
		ann.rot(filepath.Join(first.Path, "a"))
		bob.write("b", "content", "sub/fine", "as it was")
		s := bob.backup()
		bob.alike(s)
		bob.together(false, filepath.Join(first.Path, "a"), filepath.Join(s.Path, "b"))
		bob.together(true, filepath.Join(first.Path, "fine"), filepath.Join(s.Path, "sub/fine"))
	})
	// Nor is what it says of a file that has not changed a reason to link unread.
	t.Run("Unchanged", func(t *testing.T) {
		r := newRepo(t)
		r.write("a", "content", "fine", "as it was")
		r.hostname = "ann"
		first := r.backup()
		r.rot(filepath.Join(first.Path, "a"))
		r.hostname = "bob"
		s, err := r.try(engine.Source{Moved: true})
		r.must(err)
		r.check(s)
		r.alike(s)
		r.together(false, filepath.Join(first.Path, "a"), filepath.Join(s.Path, "a"))
		r.together(true, filepath.Join(first.Path, "fine"), filepath.Join(s.Path, "fine"))
	})
	// Nor does what a run of another host has left, when it was cut off.
	t.Run("CutOff", func(t *testing.T) {
		r := newRepo(t)
		r.config.Unchanged = config.Size | config.Mtime
		r.manyFolders(400, 0)
		r.hostname = "ann"
		r.interrupt("d0350/file")
		changed := r.in("d0010/file")
		before := lstat(t, changed)
		r.must(os.WriteFile(changed, []byte(strings.Repeat("x", int(before.size))), 0o644))
		r.setMtime(changed, before.mtime)
		r.hostname = "bob"
		r.alike(r.backup())
	})
	// The manifest of another host vouches for nothing in this host's source, though
	// it names its inodes and times.
	t.Run("Parent", func(t *testing.T) {
		r := newRepo(t)
		r.write("a", "content")
		before := lstat(t, r.in("a")).mtime
		r.hostname = "ann"
		first := r.backup()
		r.must(os.WriteFile(r.in("a"), []byte("CONTENT"), 0o644))
		r.setMtime(r.in("a"), before)
		r.config.Unchanged = r.config.Unchanged &^ config.Ctime // times alone tell nothing now
		r.hostname = "bob"
		s, err := r.try(engine.Source{Moved: true})
		r.must(err)
		r.check(s)
		r.alike(s)
		r.together(false, filepath.Join(first.Path, "a"), filepath.Join(s.Path, "a"))
	})
}
