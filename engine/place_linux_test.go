package engine_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/store"
	"phlb/engine/walk"
)

func TestWithoutHardlinks(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.root = filepath.Join(mount(t, "vfat", 8), "root")
	r.config = settings(r.root)
	r.write("a", "1")
	if _, err := r.try(engine.Source{}); !errors.Is(err, store.ErrNoHardlinks) || !strings.Contains(err.Error(), "another file system") {
		t.Errorf("error is %v, want %v", err, store.ErrNoHardlinks)
	}
}

func TestOneFileSystem(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	top := mount(t, "tmpfs", 4)
	r.must(os.WriteFile(filepath.Join(top, "inside"), []byte("x"), 0o644))
	r.source = filepath.Dir(top)
	for _, one := range []bool{false, true} {
		s, err := r.try(engine.Source{Name: "n", Rules: walk.Rules{OneFileSystem: one}})
		r.must(err)
		r.check(s)
		entries := readManifest(t, s)
		at := filepath.Base(top)
		_, inside := entries[at+"/inside"]
		if _, ok := entries[at]; !ok || inside == one {
			t.Errorf("one file system %v: entries %v", one, entries)
		}
	}
}

// TestLinkLimit has an inode of ext4 come to as many names as it can have, in
// the middle of a run.
func TestLinkLimit(t *testing.T) {
	t.Parallel()
	const limit, files, room = 65000, 40, 25
	r := newRepo(t)
	top := mount(t, "ext4", 64, "-q")
	r.root = filepath.Join(top, "root")
	r.config = settings(r.root)
	for i := range files {
		r.write(fmt.Sprintf("d%d/f%d", i%3, i), "the same")
	}
	first := r.backup()
	r.counts(first, 0, files-1, 1)
	elsewhere := filepath.Join(top, "elsewhere")
	r.must(os.Mkdir(elsewhere, 0o755))
	for i := range limit - room - files {
		r.must(os.Link(filepath.Join(first.Path, "d0/f0"), filepath.Join(elsewhere, fmt.Sprint(i))))
	}
	inodes := func(s *engine.Snapshot) map[id]bool {
		seen := map[id]bool{}
		for _, n := range tree(t, s.Path) {
			if n.kind == 0 {
				seen[n.id] = true
			}
		}
		return seen
	}
	second := r.backup()
	r.alike(second)
	r.counts(second, room, files-room-1, 1)
	if got := len(inodes(second)); got != 2 {
		t.Errorf("%d inodes, want 2", got)
	}
	// Later links go to the new copy, of known paths and others.
	r.write("another", "the same")
	third := r.backup()
	r.alike(third)
	r.counts(third, files-room, room+1, 0)
	if got := len(inodes(third)); got != 1 {
		t.Errorf("%d inodes, want 1", got)
	}
	fourth := r.backup()
	r.counts(fourth, files+1, 0, 0)
	r.check(first)
}
