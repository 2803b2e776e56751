package engine_test

import (
	"context"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"phlb/engine"
	"phlb/engine/catalog"
	"phlb/engine/manifest"
)

func (r *repo) openCatalog() *catalog.Catalog {
	r.Helper()
	cat, err := catalog.Open(r.config.Catalog, "")
	r.must(err)
	r.Cleanup(func() { cat.Close() })
	return cat
}

// noted returns the digests that the catalog knows to be rotten.
func (r *repo) noted() []manifest.Digest {
	r.Helper()
	cat := r.openCatalog()
	defer cat.Close() // not every system replaces what is open
	damaged, err := cat.Damaged(context.Background())
	r.must(err)
	return slices.Collect(maps.Keys(damaged))
}

// mislead publishes a catalog that says of a snapshot what change makes of its
// manifest: change returns whether an entry is kept.
func (r *repo) mislead(s *engine.Snapshot, change func(*manifest.Entry) bool) {
	r.Helper()
	cat := r.openCatalog()
	ctx := context.Background()
	r.must(cat.Remove(ctx, s.ID))
	m, done := r.openManifest(s)
	defer done()
	var entries iter.Seq2[*manifest.Entry, error] = func(yield func(*manifest.Entry, error) bool) {
		for e, err := range m.Entries() {
			if (err != nil || change(e)) && !yield(e, err) {
				return
			}
		}
	}
	_, err := cat.Absorb(ctx, &s.Snapshot, entries)
	r.must(err)
	r.must(cat.Publish())
}

func TestVerifyCatalog(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*manifest.Entry) bool
		want   string // "" for nothing
		detail string
	}{
		{"OK", func(*manifest.Entry) bool { return true }, "", ""},
		{"Lacks", func(e *manifest.Entry) bool { return e.Path != "dir/b" }, "catalog: dir/b", "only the manifest"},
		{"HasMore", func(e *manifest.Entry) bool {
			if e.Path == "dir/b" {
				e.Path = "dir/c"
			}
			return true
		}, "catalog: dir/c", "only the catalog"},
		{"Digest", func(e *manifest.Entry) bool {
			if e.Path == "a" {
				e.Digest.Bytes()[0] ^= 1
			}
			return true
		}, "catalog: a", "the manifest says"},
		{"Size", func(e *manifest.Entry) bool {
			if e.Path == "a" {
				e.Size++
			}
			return true
		}, "catalog: a", "bytes"},
		{"Mode", func(e *manifest.Entry) bool {
			if e.Path == "dir" {
				e.Mode ^= 0o111
			}
			return true
		}, "catalog: dir", "metadata"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "first", "dir/b", "second")
			s := r.backup()
			r.write("a", "first, changed")
			last := r.backup()
			// The snapshot gets another number by it, which s does not know.
			r.mislead(s, test.change)
			want := []string{test.want}
			switch test.name {
			case "OK":
				want = nil
			case "HasMore":
				want = append(want, "catalog: dir/b")
			}
			report := r.verify(s, all)
			r.wantProblems(report, want...)
			if len(want) > 0 && !strings.Contains(report.Problems[len(want)-1].Detail, test.detail) {
				t.Errorf("detail of %v lacks %q", report.Problems, test.detail)
			}
			r.verify(s, engine.Check{Sample: 1, Heal: true})
			r.wantProblems(r.verify(s, all))
			r.indexed(s)
			r.indexed(last)
		})
	}
}

// A rotten file must not be linked to by a later run, whoever notes it and
// whatever else is published meanwhile.
func TestVerifyNotesDamage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Alone", "OvertakenByAnother"} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "content", "other", "x")
			s := r.backup()
			rotten := filepath.Join(s.Path, "a")
			r.rot(rotten)
			var once sync.Once
			e := r.watched(func(*engine.Engine) {
				if name == "OvertakenByAnother" { // verify has opened the catalog by then
					once.Do(func() {
						r.write("other", "published meanwhile")
						_, err := r.try(engine.Source{})
						r.must(err)
					})
				}
			})
			report, err := e.Verify(context.Background(), s, all)
			r.must(err)
			r.wantProblems(report, "content: a")
			if got := r.noted(); len(got) != 1 || got[0] != readManifest(t, s)["a"].Digest {
				t.Fatalf("the catalog knows of the damage %v", got)
			}
			for _, s := range r.snapshots() {
				r.indexed(s)
			}
			r.write("b", "content")
			after := r.backup()
			r.together(false, rotten, filepath.Join(after.Path, "a"))
			r.together(true, filepath.Join(after.Path, "a"), filepath.Join(after.Path, "b"))
			r.alike(after)
		})
	}
}

// What a look tells needs no note, which would have every empty file made anew.
func TestVerifyNotesNoEmptyFile(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("empty", "", "a", "content")
	s := r.backup()
	r.must(os.WriteFile(filepath.Join(s.Path, "empty"), []byte("no more"), 0))
	report := r.verify(s, all)
	r.wantProblems(report, "size: empty", "mtime: empty")
	if got := r.noted(); len(got) != 0 {
		t.Errorf("the catalog knows of the damage %v", got)
	}
	r.alike(r.backup())
}

func TestVerifyWhileABackupRuns(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "other")
	first := r.backup()
	r.rot(filepath.Join(first.Path, "a"))
	r.write("c", "new")
	r.tick()
	var once sync.Once
	e := r.watched(func(e *engine.Engine) {
		if e.Progress.Files.Load() > 0 {
			once.Do(func() { r.wantProblems(r.verify(first, all), "content: a") })
		}
	})
	s, err := e.Backup(context.Background(), engine.Source{Root: r.source})
	r.must(err)
	r.indexed(s)
	if got := r.noted(); len(got) != 1 {
		t.Errorf("the catalog knows of the damage %v", got)
	}
}

// The run began before the damage was found: its file is as rotten.
func TestVerifyStaleSnapshot(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	first := r.backup()
	r.write("b", "more")
	second := r.backup()
	r.must(os.Remove(r.config.Catalog))
	r.must(os.RemoveAll(first.Path))
	r.must(os.Remove(first.Path + manifest.Suffix))
	r.wantProblems(r.verify(second, all)) // its number is another one now
}
