package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/engine/manifest"
)

// TestMatchBecomesStricter has an unchanged file that shares an inode which it
// may not share any more.
func TestMatchBecomesStricter(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "content")
	r.must(os.Chmod(r.in("b"), 0o400))
	r.config.Match = config.MatchContent
	first := r.backup()
	r.together(true, filepath.Join(first.Path, "a"), filepath.Join(first.Path, "b"))
	s, err := r.try(engine.Source{Match: config.MatchPermissions})
	r.must(err)
	r.check(s)
	for _, name := range []string{"a", "b"} {
		if e := readManifest(t, s)[name]; e.InSnapshot().Permissions != e.Permissions {
			t.Errorf("%s has %+v in the snapshot, and %+v of its own", name, e.InSnapshot().Permissions, e.Permissions)
		}
	}
	r.together(false, filepath.Join(s.Path, "a"), filepath.Join(s.Path, "b"))
}

func TestModeChange(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "other")
	first := r.backup()
	before := tree(t, first.Path)
	r.must(os.Chmod(r.in("a"), 0o4711|os.ModeSetuid))
	r.must(os.Chtimes(r.in("b"), time.Time{}, time.Unix(5, 6)))
	second := r.backup()
	r.alike(second)
	r.counts(second, 0, 1, 1)
	r.together(true, filepath.Join(first.Path, "b"), filepath.Join(second.Path, "b"))
	if e := readManifest(t, second)["b"]; e.Mtime != (manifest.Time{Sec: 5, Nsec: 6}) || e.Stored == nil {
		t.Errorf("b is %+v, stored as %+v", e, e.Stored)
	}
	after := tree(t, first.Path)
	for path, n := range after {
		n.links = before[path].links
		after[path] = n
	}
	same(t, "first snapshot", after, before)
}

func TestEmptyFiles(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "", "b", "", "sub/c", "")
	s := r.backup()
	r.counts(s, 0, 0, 3)
	r.write("d", "")
	s = r.backup()
	r.counts(s, 3, 0, 1)
	seen := map[id]string{}
	for path, n := range tree(t, s.Path) {
		if other, ok := seen[n.id]; ok {
			t.Errorf("%s and %s share an inode", path, other)
		}
		seen[n.id] = path
	}
}

func TestHardlinks(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	big := string(make([]byte, 1<<20))
	r.write("a", "content", "twin", "content", "empty", "", "z/big", big)
	r.must(os.Link(r.in("a"), r.in("z/a")))
	r.must(os.Link(r.in("empty"), r.in("z/empty")))
	r.must(os.Link(r.in("z/big"), r.in("big")))
	r.must(os.Symlink("a", r.in("link")))
	r.must(os.Link(r.in("link"), r.in("z/link")))
	r.fifo(r.in("fifo"), 0o600)
	r.must(os.Link(r.in("fifo"), r.in("z/fifo")))
	check := func(s *engine.Snapshot, pairs ...string) {
		t.Helper()
		r.alike(s)
		entries := readManifest(t, s)
		for _, name := range pairs {
			r.together(true, filepath.Join(s.Path, name), filepath.Join(s.Path, "z", name))
			if a, b := entries[name].Group, entries["z/"+name].Group; a == 0 || a != b {
				t.Errorf("%s is in group %d, and its other name in %d", name, a, b)
			}
		}
		if g := entries["twin"].Group; g != 0 {
			t.Errorf("twin is in group %d, but only its content is the same", g)
		}
	}
	s := r.backup()
	check(s, "a", "empty", "big", "link", "fifo")
	r.counts(s, 0, 4, 3)
	s = r.backup()
	check(s, "a", "empty", "big", "link", "fifo")
	r.counts(s, 7, 0, 0)

	// A third name, and a group that is broken up, its content staying.
	r.must(os.Link(r.in("empty"), r.in("more")))
	r.must(os.Remove(r.in("z/a")))
	r.write("z/a", "content")
	s = r.backup()
	check(s, "empty", "big")
	entries := readManifest(t, s)
	if entries["a"].Group != 0 || entries["z/a"].Group != 0 {
		t.Errorf("groups %d and %d, want none", entries["a"].Group, entries["z/a"].Group)
	}
	if entries["more"].Group != entries["empty"].Group {
		t.Errorf("groups %d and %d, want one", entries["more"].Group, entries["empty"].Group)
	}
	r.together(true, filepath.Join(s.Path, "empty"), filepath.Join(s.Path, "more"))
}

// TestChangedInside writes into a file that three snapshots share: that is said
// once, with the snapshot.
func TestChangedInside(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("d/a", "content", "b", "more")
	r.backup()
	r.backup()
	last := r.backup()
	r.log.take()
	r.must(os.WriteFile(filepath.Join(last.Path, "d/a"), []byte("edited"), 0o644))
	r.must(os.Remove(filepath.Join(last.Path, "b")))
	s, err := r.try(engine.Source{})
	r.must(err)
	r.alike(s)
	log := r.log.take()
	for _, path := range []string{"d/a", "b"} {
		if at := "path=" + last.Ref().String() + "/" + path + "\n"; strings.Count(log, "changed inside") != 2 || strings.Count(log, at) != 1 {
			t.Errorf("logged, want one warning of %s:\n%s", at, log)
		}
	}
}
