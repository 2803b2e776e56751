package catalog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"phlb/engine/manifest"
)

// tree is what a snapshot holds, by path.
type tree map[string]manifest.Entry

// entries yields the tree in the order of a manifest, and then err if it is not
// nil.
func (t tree) entries(err error) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		list := slices.Collect(maps.Values(t))
		slices.SortFunc(list, func(a, b manifest.Entry) int { return manifest.Compare(&a, &b) })
		for i := range list {
			e := list[i] // a reader hands out one entry again and again
			if !yield(&e, nil) {
				return
			}
			e = manifest.Entry{}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// file returns an entry whose metadata and content follow from n.
func file(path string, n int) manifest.Entry {
	e := manifest.Entry{
		Path: path, Kind: manifest.File, Size: int64(n),
		Permissions: manifest.Permissions{Mode: 0o644, UID: 1000, GID: 100},
		Mtime:       manifest.Time{Sec: 1_700_000_000 + int64(n), Nsec: 123_456_789},
	}
	e.Digest = manifest.Digest256([32]byte{byte(n), byte(n >> 8), byte(n >> 16), 7})
	return e
}

// files returns a tree of n files, of which each step changes some.
func files(n, step int) tree {
	t := tree{}
	for i := range n {
		path := fmt.Sprintf("folder %d/file %05d", i%7, i)
		changed := 0
		if i%10 == step%10 {
			changed = step
		}
		t[path] = file(path, 1+i+changed*n)
	}
	return t
}

// next is snapshot as Absorb takes it.
func next(name string, n int) *Snapshot {
	s := snapshot(name, n)
	return &s
}

// snapshot is one of a name, n hours after the others.
func snapshot(name string, n int) Snapshot {
	return Snapshot{
		Stamp:   fmt.Sprintf("stamp %03d", n),
		Header:  manifest.Header{Name: name, Source: "/home/ann", Host: "laptop", Started: time.Unix(int64(n)*3600, 5).UTC()},
		Summary: manifest.Summary{Finished: time.Unix(int64(n)*3600+60, 0).UTC(), Files: int64(n)},
	}
}

func mustOpen(t testing.TB, path string) *Catalog {
	t.Helper()
	c, err := Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func newCatalog(t testing.TB) *Catalog {
	t.Helper()
	return mustOpen(t, filepath.Join(t.TempDir(), "catalog.ql"))
}

// reopen publishes and opens again.
func reopen(t testing.TB, c *Catalog) *Catalog {
	t.Helper()
	if err := c.Publish(); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, c.path)
}

func mustAbsorb(t testing.TB, c *Catalog, s Snapshot, what tree) ID {
	t.Helper()
	id, err := c.Absorb(t.Context(), &s, what.entries(nil))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// record records what differs between the trees.
func record(ctx context.Context, c *Catalog, base ID, s Snapshot, before, after tree) (ID, error) {
	rec, err := c.Begin(ctx, s.Name, base)
	if err != nil {
		return 0, err
	}
	defer rec.Abort()
	for path, old := range before {
		if now, ok := after[path]; !ok || !Same(&old, &now) {
			if err := rec.End(&old); err != nil {
				return 0, err
			}
		}
	}
	for path, now := range after {
		if old, ok := before[path]; !ok || !Same(&old, &now) {
			if err := rec.Add(&now); err != nil {
				return 0, err
			}
		}
	}
	return rec.Commit(ctx, s)
}

// holds returns what the catalog says that a snapshot holds.
func holds(c *Catalog, id ID) (tree, error) {
	found := tree{}
	for e, err := range c.Files(context.Background(), id) {
		if err != nil {
			return nil, err
		}
		if _, twice := found[e.Path]; twice {
			return nil, fmt.Errorf("%q is there twice", e.Path)
		}
		found[e.Path] = *e
	}
	return found, nil
}

// sameTree returns an error that names the first difference.
func sameTree(got, want tree) error {
	for path, w := range want {
		if g, ok := got[path]; !ok {
			return fmt.Errorf("%q is missing", path)
		} else if !Same(&g, &w) {
			return fmt.Errorf("%q is %+v, not %+v", path, g, w)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			return fmt.Errorf("%q should not be there", path)
		}
	}
	return nil
}

func checkTree(t testing.TB, c *Catalog, id ID, want tree) {
	t.Helper()
	got, err := holds(c, id)
	if err == nil {
		err = sameTree(got, want)
	}
	if err != nil {
		t.Fatalf("snapshot %d: %v", id, err)
	}
}

func checkError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, not %v", err, want)
	}
}

// count returns the first value of the first row of a query.
func count(t testing.TB, c *Catalog, statement string) int64 {
	t.Helper()
	rows, err := c.Query(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		return row[0].(int64)
	}
	return 0
}
