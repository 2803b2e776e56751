package catalog

import (
	"context"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"phlb/engine/manifest"
)

func TestContents(t *testing.T) {
	c := newCatalog(t)
	what := files(500, 1)
	long := file(strings.Repeat("long/", 200)+"path", 100_000)
	what[long.Path] = long
	what["far"] = file("far", 4096+7) // whose size has the last bits of another's
	empty := file("empty", 0)
	what["empty"] = empty
	mustAbsorb(t, c, snapshot("a", 1), what)
	id := mustAbsorb(t, c, snapshot("b", 2), what)
	contents, err := c.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer contents.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("OK", func(t *testing.T) {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for path, e := range what {
					found, err := contents.Lookup(e.Digest, 10)
					if path == "empty" {
						if err != nil || len(found) != 0 || contents.HasSize(0) {
							t.Error("the empty file is there", err)
						}
						continue
					}
					if err != nil || len(found) != 2 || found[0].Path != path || found[0].Size != e.Size ||
						found[0].Stored != e.InSnapshot() || found[0].Snapshots[0].ID != id || !contents.HasSize(e.Size) {
						t.Errorf("%s is at %+v, %v", path, found, err)
						return
					}
				}
			})
		}
		all.Wait()
	})
	t.Run("Limit", func(t *testing.T) {
		if found, err := contents.Lookup(long.Digest, 1); err != nil || len(found) != 1 || found[0].Snapshots[0].Name != "b" {
			t.Fatal(found, err)
		}
	})
	t.Run("None", func(t *testing.T) {
		same := long.Digest
		same.Bytes()[31]++ // beyond what the table holds of it
		if found, err := contents.Lookup(same, 10); err != nil || len(found) != 0 || contents.HasSize(7_000_000) {
			t.Fatal(found, err)
		}
	})
	t.Run("ErrCancelled", func(t *testing.T) {
		c := newCatalog(t)
		mustAbsorb(t, c, snapshot("a", 1), files(3000, 1))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Contents(ctx)
		checkError(t, err, context.Canceled)
	})
}

// TestContentsCopiesNothing asks for contents where nothing can be written: what a
// run writes grows with what has changed, not with what the root holds.
func TestContentsCopiesNothing(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	what := files(500, 1)
	mustAbsorb(t, c, snapshot("a", 1), what)
	c = reopen(t, c)
	if err := os.RemoveAll(c.file.TempDir()); err != nil {
		t.Skip("needs a system that deletes open files:", err)
	}
	contents, err := c.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer contents.Close()
	for path, e := range what {
		if found, err := contents.Lookup(e.Digest, 10); err != nil || len(found) != 1 || found[0].Path != path {
			t.Fatalf("%s is at %+v, %v", path, found, err)
		}
	}
}

// TestContentsStay asks for contents while a run records what changes: they are
// those of the moment when they were read.
func TestContentsStay(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	c.batchRows = 50
	before, after := files(3000, 1), change(files(3000, 1), all)
	mustAbsorb(t, c, snapshot("a", 0), files(3000, 0))
	c = reopen(t, c)
	id := mustAbsorb(t, c, snapshot("a", 1), before) // not published: it lies in the private file
	contents, err := c.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer contents.Close()
	check := func() {
		t.Helper()
		for path, e := range before {
			found, err := contents.Lookup(e.Digest, 10)
			if err != nil || len(found) != 1 || found[0].Path != path || found[0].Snapshots[0].ID != id {
				t.Fatalf("%s is at %+v, %v", path, found, err)
			}
		}
	}
	var asking sync.WaitGroup
	asking.Go(check)
	second := mustRecord(t, c, id, snapshot("a", 2), before, after)
	asking.Wait()
	check()
	if err := c.Remove(t.Context(), id-1, second); err != nil {
		t.Fatal(err)
	}
	check()
	checkTree(t, c, id, before)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	check()
}

func TestVersions(t *testing.T) {
	c := newCatalog(t)
	for n := range 4 {
		mustAbsorb(t, c, snapshot("a", n), tree{"x": file("x", n/2), "y": file("y", n)})
	}
	mustAbsorb(t, c, snapshot("b", 9), tree{"x": file("x", 5)})
	for name, want := range map[string][]int64{"a": {1, 1, 0, 0}, "b": {5}, "": {5, 1, 1, 0, 0}, "c": nil} {
		found, err := c.Versions(t.Context(), "x", name)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, v := range found {
			for range v.Snapshots {
				got = append(got, v.Entry.Size)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("versions under %q are %v, not %v", name, got, want)
		}
	}
}

// TestTags has a snapshot with a tag that the table would take for two.
func TestTags(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	s := snapshot("a", 1)
	s.Tags = []string{"a\npinned"}
	_, err := c.Absorb(t.Context(), &s, files(3, 1).entries(nil))
	checkError(t, err, manifest.ErrTag)
	_, err = record(t.Context(), c, 0, s, nil, files(3, 1))
	checkError(t, err, manifest.ErrTag)
	s.Tags = []string{"a", "pinned"}
	mustAbsorb(t, c, s, files(3, 1))
	all, err := c.Snapshots(t.Context())
	if err != nil || len(all) != 1 || len(all[0].Tags) != 2 {
		t.Error(all, err)
	}
}

func TestCompare(t *testing.T) {
	c := newCatalog(t)
	id := mustAbsorb(t, c, snapshot("a", 1), files(100, 1))
	other := files(100, 1)
	delete(other, "folder 3/file 00003")
	added, changed := file("new", 1), file("folder 4/file 00004", 999)
	other[added.Path], other[changed.Path] = added, changed
	found, err := c.Compare(t.Context(), id, other.entries(nil))
	if err != nil {
		t.Fatal(err)
	}
	gone, before := files(100, 1)["folder 3/file 00003"], files(100, 1)["folder 4/file 00004"]
	want := []Difference{
		{Path: gone.Path, Catalog: &gone}, {changed.Path, &changed, &before}, {Path: "new", Manifest: &added},
	}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("differences are %+v", found)
	}
	_, err = c.Compare(t.Context(), 77, other.entries(nil))
	checkError(t, err, ErrUnknown)
	for _, err := range c.Files(t.Context(), 77) {
		checkError(t, err, ErrUnknown)
	}
}

func TestDamage(t *testing.T) {
	c := newCatalog(t)
	a := Damage{Digest: manifest.Digest256([32]byte{1}), Snapshot: 1, Path: "x", Found: snapshot("a", 1).Started, What: "size"}
	b := Damage{Digest: manifest.Digest256([32]byte{1}), Snapshot: 2, Path: "y", Found: snapshot("a", 2).Started, What: "content"}
	other := Damage{Digest: manifest.Digest256([32]byte{2}), Snapshot: 2, Path: "z", Found: snapshot("a", 2).Started, What: "missing"}
	for range 2 { // noted again, it is there once
		if err := c.RecordDamage(a, b, other); err != nil {
			t.Fatal(err)
		}
	}
	c = reopen(t, c)
	found, err := c.Damaged(t.Context())
	if err != nil || len(found[a.Digest]) != 2 || !reflect.DeepEqual(found[other.Digest], []Damage{other}) {
		t.Fatal(found, err)
	}
	if err := c.ClearDamage(a.Digest); err != nil {
		t.Fatal(err)
	}
	c = reopen(t, c)
	if found, err = c.Damaged(t.Context()); err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
}
