package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

func fails(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// A dry removal tells what would be freed: what no other snapshot holds.
func TestRemove(t *testing.T) {
	r := newRepo(t)
	r.write("kept", "one", "a", "twenty", "b", "twenty", "c", "seven")
	first := r.backup()
	r.must(os.Remove(r.in("a")))
	r.must(os.Remove(r.in("b")))
	second := r.backup()
	r.must(os.Remove(r.in("c")))
	third := r.backup()
	for _, dry := range []bool{true, false} {
		e := r.engine()
		if dry {
			e = r.dry()
		}
		removal, err := e.Remove(context.Background(), first)
		r.must(err)
		if removal.Files != 1 || removal.Bytes != 6 {
			t.Errorf("dry %v: frees %d files of %d bytes, want 1 of 6", dry, removal.Files, removal.Bytes)
		}
		if _, err := os.Lstat(first.Path); os.IsNotExist(err) == dry {
			t.Errorf("dry %v: the snapshot is there: %v", dry, err)
		}
	}
	if left := r.snapshots(); len(left) != 2 {
		t.Errorf("%d snapshots are left, want 2", len(left))
	}
	for _, path := range []string{first.Path, first.Path + manifest.Suffix, first.Path + ".log", r.root + "/.phlb/trash/source"} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	r.check(second)
	r.check(third)
	t.Run("Newest", func(t *testing.T) {
		_, err := r.engine().Remove(context.Background(), second, third)
		fails(t, err, engine.ErrNewest)
		r.check(second)
	})
	t.Run("Twice", func(t *testing.T) {
		_, err := r.engine().Remove(context.Background(), first)
		fails(t, err, engine.ErrNoSnapshot)
	})
	t.Run("Pinned", func(t *testing.T) {
		pinned, err := r.try(engine.Source{Tags: []string{engine.PinnedTag}})
		r.must(err)
		r.backup()
		_, err = r.engine().Remove(context.Background(), pinned)
		fails(t, err, engine.ErrPinned)
	})
}

// An incomplete snapshot that is newer than the newest complete one may go, and
// latest falls back to that.
func TestRemoveIncomplete(t *testing.T) {
	r := newRepo(t)
	r.write("a", "one")
	complete := r.backup()
	incomplete := r.backup()
	incomplete.Errors = 1 // as the manifest will say
	r.rewriteSummary(incomplete)
	removal, err := r.engine().Remove(context.Background(), incomplete)
	r.must(err)
	if removal.Files != 0 {
		t.Errorf("frees %d files, want none", removal.Files)
	}
	if link, err := os.Readlink(filepath.Join(r.root, "source", "latest")); err != nil || link != complete.Stamp {
		t.Errorf("latest is %q, %v; want %q", link, err, complete.Stamp)
	}
}

// What was moved away by a removal that was killed is deleted by the next one,
// with the manifest that lies where the tree was.
func TestRemoveAfterKill(t *testing.T) {
	r := newRepo(t)
	r.write("a", "one")
	first, second, third := r.backup(), r.backup(), r.backup()
	trash := filepath.Join(r.root, ".phlb", "trash", "source")
	r.must(os.MkdirAll(trash, 0o700))
	r.must(os.Rename(first.Path, filepath.Join(trash, first.Stamp)))
	if left := r.snapshots(); len(left) != 2 {
		t.Fatalf("%d snapshots are left, want 2", len(left))
	}
	_, err := r.engine().Remove(context.Background(), second)
	r.must(err)
	for _, path := range []string{trash, first.Path + manifest.Suffix, first.Path + ".log"} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	r.check(third)
}

// rewriteSummary makes the manifest of a snapshot say what s does.
func (r *repo) rewriteSummary(s *engine.Snapshot) {
	r.Helper()
	path := s.Path + manifest.Suffix
	old, err := os.Open(path)
	r.must(err)
	defer old.Close()
	in, err := manifest.NewReader(old)
	r.must(err)
	r.must(os.Remove(path))
	file, err := os.Create(path)
	r.must(err)
	defer file.Close()
	out := manifest.NewWriter(file, in.Header)
	for e, err := range in.Entries() {
		r.must(err)
		r.must(out.Write(e))
	}
	r.must(out.Close(s.Summary))
	r.must(os.RemoveAll(filepath.Join(r.root, ".phlb", "catalog.ql")))
}
