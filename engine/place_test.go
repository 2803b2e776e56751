package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"phlb/engine"
	"phlb/engine/store"
)

func TestRootInsideSource(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.root = r.in("sub/backups")
	r.config = settings(r.root)
	r.write("a", "1", "sub/b", "2")
	for range 2 {
		s, err := r.try(engine.Source{})
		r.must(err)
		r.check(s)
		entries := readManifest(t, s)
		if len(entries) != 4 || s.Files != 2 {
			t.Errorf("%d files, entries %v", s.Files, entries)
		}
	}
}

func TestSourceInsideRoot(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	s := r.backup()
	link := filepath.Join(t.TempDir(), "link")
	r.must(os.Symlink(s.Path, link))
	for _, path := range []string{s.Path, r.root, filepath.Dir(s.Path), link} {
		if _, err := r.try(engine.Source{Root: path, Name: "x"}); !errors.Is(err, engine.ErrInsideRoot) {
			t.Errorf("%s: error is %v, want %v", path, err, engine.ErrInsideRoot)
		}
	}
	// A name that only begins like the root's is another place.
	beside := r.root + "-source"
	r.must(os.Mkdir(beside, 0o755))
	if _, err := r.try(engine.Source{Root: beside}); err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	if _, err := r.try(engine.Source{Root: "/"}); !errors.Is(err, engine.ErrNeedsName) {
		t.Errorf("the root directory: error is %v, want %v", err, engine.ErrNeedsName)
	}
	for _, name := range []string{"a/b", ".hidden", "..", "nul\x00", "lost+found"} {
		if _, err := r.try(engine.Source{Name: name}); !errors.Is(err, store.ErrName) {
			t.Errorf("%q: error is %v, want %v", name, err, store.ErrName)
		}
	}
	for _, name := range []string{"with space", "new\nline", "\xff", "x.partial", "latest", "ü"} {
		s, err := r.try(engine.Source{Name: name})
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		r.check(s)
		r.indexed(s)
	}
	if found := r.snapshots(); len(found) != 6 {
		t.Errorf("%d snapshots, want 6", len(found))
	}
	link := filepath.Join(t.TempDir(), "link")
	r.must(os.Symlink(r.source, link))
	if s, err := r.try(engine.Source{Root: link}); err != nil || s.Name != "source" || s.Source != r.source {
		t.Errorf("by way of a link: %v, %v", s, err)
	}
}
