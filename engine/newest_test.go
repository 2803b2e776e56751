package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/walk"
)

// ofAllAges makes files of a day, of three days and of two years, the oldest with
// the first path.
func ofAllAges(r *repo) {
	r.write("a-old", "old", "d/m-days", "some days", "d/z-new", "new")
	for path, age := range map[string]time.Duration{"a-old": 2 * 366 * 24 * time.Hour, "d/m-days": 72 * time.Hour, "d/z-new": 2 * time.Hour} {
		then := time.Now().Add(-age)
		r.must(os.Chtimes(r.in(path), then, then))
	}
}

// partialFiles returns the files of a run that was cut off, sorted.
func partialFiles(r *repo) (names []string) {
	r.Helper()
	found, err := filepath.Glob(filepath.Join(r.root, "source", "*.partial"))
	r.must(err)
	for _, dir := range found {
		r.must(filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				names = append(names, e.Name())
			}
			return err
		}))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestNewestCutOff(t *testing.T) {
	r := newRepo(t)
	ofAllAges(r)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cutOff := walk.Rules{Where: func(_ int, e *walk.Entry) (bool, error) {
		if e.Name() == "a-old" {
			cancel()
		}
		return true, ctx.Err()
	}}
	r.tick()
	if _, err := r.engine().Backup(ctx, engine.Source{Root: r.source, Newest: true, Rules: cutOff}); !errors.Is(err, engine.ErrUnsealed) {
		t.Fatalf("the run was to be cut off: %v", err)
	}
	left := partialFiles(r)
	for _, want := range []string{"m-days", "z-new"} {
		if !slices.Contains(left, want) {
			t.Errorf("what was cut off has %q, and lacks %s", left, want)
		}
	}
	if slices.Contains(left, "a-old") {
		t.Errorf("what was cut off has the oldest: %q", left)
	}

	// The next run takes over, and nothing of the parts is left.
	s, err := r.try(engine.Source{})
	r.must(err)
	r.check(s)
	if s.Files != 3 || s.New != 1 || s.Linked != 2 {
		t.Errorf("%d files, %d new, %d linked; want 3, 1, 2", s.Files, s.New, s.Linked)
	}
}

func TestNewestCounts(t *testing.T) {
	r := newRepo(t)
	ofAllAges(r)
	plain, err := r.try(engine.Source{Name: "plain"})
	r.must(err)
	s, err := r.try(engine.Source{Newest: true})
	r.must(err)
	r.check(s)
	if s.Files != plain.Files || s.Linked != 3 || s.New != 0 {
		t.Errorf("%d files, %d linked, %d new; want those of the other name linked", s.Files, s.Linked, s.New)
	}
	r.write("d/z-new", "newer", "b", "also")
	old := time.Now().Add(-400 * 24 * time.Hour)
	r.must(os.Chtimes(r.in("b"), old, old))
	s, err = r.try(engine.Source{Newest: true})
	r.must(err)
	r.check(s)
	if s.Files != 4 || s.Unchanged != 2 || s.New != 2 || s.NewBytes != 9 || s.Linked != 0 {
		t.Errorf("%d files, %d unchanged, %d new (%d bytes), %d linked; want 4, 2, 2 (9), 0", s.Files, s.Unchanged, s.New, s.NewBytes, s.Linked)
	}
	if left := partialFiles(r); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
