package engine_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

// TestCatalogGrowth makes runs in which nothing, or next to nothing, changes.
func TestCatalogGrowth(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for i := range 300 {
		r.write(fmt.Sprintf("d%d/f%d", i%10, i), fmt.Sprint(i))
	}
	size := func() int64 {
		info, err := os.Stat(r.config.Catalog)
		r.must(err)
		return info.Size()
	}
	r.backup()
	before, rows := size(), r.versions()
	for range 100 {
		s, err := r.try(engine.Source{})
		r.must(err)
		r.counts(s, 300, 0, 0)
	}
	if grown := size() - before; grown >= 1<<20 {
		t.Errorf("the catalog grew by %d bytes in 100 runs without a change", grown)
	}
	if got := r.versions(); got != rows {
		t.Errorf("there are %d rows of versions, were %d", got, rows)
	}
	r.write("d1/f1", "changed", "d2/new", "new")
	r.indexed(r.backup())
	// One that changed, one that is new, and the time of d2.
	if got := r.versions(); got != rows+3 {
		t.Errorf("there are %d rows of versions, want %d", got, rows+3)
	}
}

// versions counts the rows of the catalog.
func (r *repo) versions() (n int64) {
	r.Helper()
	answer, err := r.engine().Query(r.Context(), "SELECT count(*) FROM versions")
	r.must(err)
	defer answer.Close()
	for row, err := range answer.All {
		r.must(err)
		n = row[0].(int64)
	}
	return n
}

// TestCatalogLost has the published catalog be anything but what it was.
func TestCatalogLost(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "b", "2")
	r.backup()
	stale, err := os.ReadFile(r.config.Catalog)
	r.must(err)
	r.write("a", "11")
	r.must(os.Remove(r.in("b")))
	r.backup()
	for name, damage := range map[string]func() error{
		"Deleted": func() error { return os.RemoveAll(r.config.Catalog) },
		"Empty":   func() error { return os.WriteFile(r.config.Catalog, nil, 0o644) },
		"Garbage": func() error { return os.WriteFile(r.config.Catalog, bytes.Repeat([]byte("garbage"), 10000), 0o644) },
		"Stale":   func() error { return os.WriteFile(r.config.Catalog, stale, 0o644) },
		"CutOff":  func() error { return os.Truncate(r.config.Catalog, int64(len(stale)/2)) },
	} {
		t.Run(name, func(t *testing.T) {
			r.must(damage())
			before := len(r.snapshots()) // a reader makes it good for itself
			r.must(damage())
			r.write("more", name)
			s := r.backup()
			r.alike(s)
			r.counts(s, s.Files-1, 0, 1)
			found := r.snapshots()
			if len(found) != before+1 {
				t.Errorf("%d snapshots, want %d", len(found), before+1)
			}
			for _, s := range found {
				r.indexed(s)
			}
		})
	}
}

// TestSnapshotGone has somebody remove a snapshot, or what belongs to it, by
// hand.
func TestSnapshotGone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		remove func(s *engine.Snapshot) error
	}{
		{"Tree", func(s *engine.Snapshot) error { return os.RemoveAll(s.Path) }},
		{"Manifest", func(s *engine.Snapshot) error { return os.Remove(s.Path + manifest.Suffix) }},
		{"Renamed", func(s *engine.Snapshot) error {
			for _, suffix := range []string{"", manifest.Suffix, ".log"} {
				if err := os.Rename(s.Path+suffix, s.Path+"-kept"+suffix); err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		for which := range 3 {
			t.Run(fmt.Sprint(test.name, which), func(t *testing.T) {
				r := newRepo(t)
				var made []*engine.Snapshot
				for i := range 3 {
					r.write("always", "same", fmt.Sprint("only", i), fmt.Sprint(i), "changing", fmt.Sprint("c", i))
					made = append(made, r.backup())
				}
				r.must(test.remove(made[which]))
				want := 2
				if test.name == "Renamed" {
					want = 3
				}
				if found := r.snapshots(); len(found) != want {
					t.Errorf("%d snapshots, want %d", len(found), want)
				}
				last := r.backup()
				r.alike(last)
				if last.Unchanged+last.Linked != last.Files && which < 2 {
					t.Errorf("summary %+v, but all was known", last.Summary)
				}
				for _, s := range r.snapshots() {
					r.check(s)
					r.indexed(s)
				}
			})
		}
	}
}
