package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

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
	t.Parallel()
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
	for _, path := range []string{first.Path, first.Path + manifest.Suffix, first.Path + ".log", filepath.Join(r.root, "source", ".removed-"+first.Stamp)} {
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

// Where none is complete, the newest one is what there is to get things back from.
func TestRemoveNoneComplete(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "one")
	for range 2 {
		s := r.backup()
		s.Errors = 1 // as the manifest will say
		r.rewriteSummary(s)
	}
	all := r.snapshots()
	_, err := r.engine().Remove(context.Background(), all...)
	fails(t, err, engine.ErrNoneComplete)
	_, err = r.engine().Remove(context.Background(), all[1])
	r.must(err)
	r.check(all[0])
}

// An incomplete snapshot that is newer than the newest complete one may go, and
// latest falls back to that.
func TestRemoveIncomplete(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	r := newRepo(t)
	r.write("a", "one")
	first, second, third := r.backup(), r.backup(), r.backup()
	trash := filepath.Join(r.root, "source", ".removed-"+first.Stamp)
	r.must(os.Rename(first.Path, trash))
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

// What several snapshots free together, with files under several names in one of
// them and in what a removal that was killed has left, is what the dry run said.
func TestRemoveTogether(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("kept", "one", "a", "twenty", "dir/b", "seven", "moved", "some", "left", "lost")
	r.must(os.Link(r.in("a"), r.in("dir/a")))
	killed := r.backup()
	r.must(os.Remove(r.in("left")))
	first := r.backup()
	r.must(os.Rename(r.in("moved"), r.in("dir/moved")))
	r.must(os.Remove(r.in("dir/a")))
	second := r.backup()
	r.must(os.RemoveAll(r.in("dir")))
	r.must(os.Remove(r.in("a")))
	third := r.backup()
	trash := filepath.Join(r.root, "source", ".removed-"+killed.Stamp)
	r.must(os.Rename(killed.Path, trash))
	r.must(os.Remove(filepath.Join(trash, "moved")))
	for _, dry := range []bool{true, false} {
		e := r.engine()
		if dry {
			e = r.dry()
		}
		removal, err := e.Remove(context.Background(), first, second)
		r.must(err)
		// What still lies in the trash is not what this one frees.
		if removal.Files != 1 || removal.Bytes != 4 {
			t.Errorf("dry %v: frees %d files of %d bytes, want 1 of 4", dry, removal.Files, removal.Bytes)
		}
		if files := e.Progress.Files.Load(); files != e.Progress.TotalFiles.Load() || files != first.Files+second.Files {
			t.Errorf("dry %v: progress ended at %d of %d files", dry, files, e.Progress.TotalFiles.Load())
		}
	}
	if _, err := os.Lstat(trash); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", trash, err)
	}
	r.check(third)
	r.indexed(third)
}

// TestRemoveKilled kills removals at random moments: every snapshot is whole or
// gone, and the next one leaves nothing behind.
func TestRemoveKilled(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := newRepo(t)
	r.manyFolders(150, 0)
	r.backup()
	for range rounds(12) {
		for range 3 {
			r.write(fmt.Sprintf("d%04d/file", random.IntN(150)), fmt.Sprint(random.Uint64()))
			r.backup()
		}
		o := order{Root: r.root}
		for _, s := range r.snapshots()[1:] {
			o.Remove = append(o.Remove, s.Ref().String())
		}
		victim := startChild(t, o)
		time.Sleep(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
		r.must(victim.Process.Kill())
		victim.finish() // there may be an answer, if the kill came late
		for _, s := range r.snapshots() {
			r.check(s)
			r.indexed(s)
		}
	}
	r.backup()
	_, err := r.engine().Remove(context.Background(), r.snapshots()[1:]...)
	r.must(err)
	last := r.snapshots()
	if len(last) != 1 {
		t.Fatalf("%d snapshots are left, want 1", len(last))
	}
	r.check(last[0])
	r.indexed(last[0])
	if left, err := os.ReadDir(filepath.Join(r.root, "source")); err != nil || len(left) != 4 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

// rewriteSummary makes the manifest of a snapshot say what s does.
func (r *repo) rewriteSummary(s *engine.Snapshot) { r.rewrite(s, func(*manifest.Entry) {}) }

// rewrite does the same, and changes its entries.
func (r *repo) rewrite(s *engine.Snapshot, change func(*manifest.Entry)) {
	r.Helper()
	path := s.Path + manifest.Suffix
	old, err := os.Open(path)
	r.must(err)
	defer old.Close()
	in, err := manifest.NewReader(old)
	r.must(err)
	file, err := os.Create(path + ".new")
	r.must(err)
	defer file.Close()
	out := manifest.NewWriter(file, in.Header)
	for e, err := range in.Entries() {
		r.must(err)
		change(e)
		r.must(out.Write(e))
	}
	r.must(errors.Join(out.Close(s.Summary), file.Close(), old.Close(), os.Rename(path+".new", path)))
	r.must(os.RemoveAll(filepath.Join(r.root, ".phlb", "catalog.ql")))
}

// Of very many snapshots only some are named.
func TestRemovalString(t *testing.T) {
	t.Parallel()
	var r engine.Removal
	for i := range 10 {
		s := &engine.Snapshot{}
		s.Name, s.Stamp = "a", fmt.Sprint(i)
		r.Snapshots = append(r.Snapshots, s)
	}
	const end = ": 0 B of 0 files that no other snapshot holds"
	if got, want := r.String(), "a/0, a/1, a/2, a/3, a/4, a/5, a/6, a/7, a/8, a/9"+end; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.Snapshots = append(r.Snapshots, r.Snapshots[9])
	if got, want := r.String(), "a/0, a/1, a/2, a/3, a/4, a/5, a/6, a/7, a/8, 2 more"+end; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
