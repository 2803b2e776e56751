package engine_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"phlb/engine"
	"phlb/engine/repository"
)

// TestShrunk backs up a source that has lost nearly all of its files, as one that
// is not mounted: that snapshot is not complete, however often it is made.
func TestShrunk(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.config.Shrink = 0.1
	for i := range 50 {
		r.write(fmt.Sprint("f", i), fmt.Sprint(i))
	}
	if s := r.backup(); !s.Complete() {
		t.Fatal("the first one is not complete")
	}
	keep := func(n int) {
		for i := n; i < 50; i++ {
			r.must(os.RemoveAll(r.in(fmt.Sprint("f", i))))
		}
	}
	for _, left := range []int{5, 4, 4, 0, 0} {
		keep(left)
		s := r.backup()
		if s.Complete() != (left == 5) {
			t.Errorf("with %d of 50 files: complete is %v", left, s.Complete())
		}
		if left < 5 {
			r.logged("look whether all of it is mounted", "--accept-shrink")
		}
		if left == 5 { // is complete: put back what counts
			for i := range 50 {
				r.write(fmt.Sprint("f", i), fmt.Sprint(i))
			}
			r.backup()
		}
	}
	s, err := r.try(engine.Source{AcceptShrink: true})
	r.must(err)
	if !s.Complete() {
		t.Error("what was accepted is not complete")
	}
	if s = r.backup(); !s.Complete() {
		t.Error("an empty source is not complete after an empty one")
	}
}

// TestOtherSource has two directories of one name, and two hosts.
func TestOtherSource(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	r.backup()
	other := filepath.Join(t.TempDir(), "source")
	r.must(os.MkdirAll(other, 0o755))
	for range 2 {
		_, err := r.try(engine.Source{Root: other})
		if !errors.Is(err, repository.ErrOtherSource) {
			t.Fatalf("error is %v, want %v", err, repository.ErrOtherSource)
		}
	}
	if left := r.partials(); len(left) > 0 {
		t.Errorf("there are %q", left)
	}
	r.log.take()
	if _, err := r.try(engine.Source{Root: other, Name: "source"}); err != nil {
		t.Errorf("with its name: %v", err)
	}
	r.logged("the backup goes on with another source")
	if _, err := r.try(engine.Source{Root: other}); err != nil {
		t.Errorf("the same one again: %v", err)
	}
	if text := r.log.take(); text != "" {
		t.Errorf("log %s", text)
	}
	if _, err := r.try(engine.Source{}); !errors.Is(err, repository.ErrOtherSource) {
		t.Errorf("back again: %v", err)
	}
	if _, err := r.try(engine.Source{Moved: true}); err != nil {
		t.Errorf("moved: %v", err)
	}
}

// TestAdoptedSource goes on with the name of a tree that somebody put there.
func TestAdoptedSource(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	r.must(os.MkdirAll(filepath.Join(r.root, "source", "2001-01-01-000000"), 0o755))
	_, err := r.engine().Adopt(t.Context(), "")
	r.must(err)
	r.backup()
}
