package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// audit checks what QL keeps of the space in the file, and returns how many
// records that has room for and how many are versions.
func audit(t *testing.T, c *Catalog) (records, versions int64) {
	t.Helper()
	space, err := c.file.Verify()
	if err != nil {
		t.Fatal("the catalog's file is broken:", err)
	}
	return space.Records, count(t, c, "SELECT count() FROM versions;")
}

// TestAmend removes snapshots with rows of all lengths, so that some fit where
// they lie and others do not any more, while numbers grow to several bytes.
func TestAmend(t *testing.T) {
	amended, rewritten := 0, 0
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 0))
		c := newCatalog(t)
		trees := map[ID]tree{}
		now := map[string]tree{"a": {}, "b": {}}
		version := 0
		for n := range 110 {
			name := "a"
			if n%7 == 3 {
				name = "b"
			}
			what := now[name]
			for range 1 + random.IntN(40) {
				version++
				path := fmt.Sprint(random.IntN(200))
				path += strings.Repeat("x", len(path)*len(path)*random.IntN(3)+int(path[0])%17)
				if random.IntN(50) == 0 {
					path += strings.Repeat("long", 400)
				}
				if what[path] = file(path, version); random.IntN(4) == 0 {
					delete(what, path)
				}
			}
			trees[mustAbsorb(t, c, snapshot(name, n), what)] = maps.Clone(what)
			if n%20 == 0 {
				c = reopen(t, c)
			}
		}
		c.batchRows = 1 + random.IntN(9)
		for len(trees) > 3 {
			ids := slices.Sorted(maps.Keys(trees))
			gone := []ID{ids[random.IntN(len(ids))]}
			if random.IntN(4) == 0 {
				gone = slices.Compact(slices.Sorted(slices.Values(append(gone, ids[0], ids[len(ids)-1], ids[len(ids)/2]))))
			}
			if random.IntN(30) == 0 {
				gone = ids[1 : len(ids)*3/4]
			}
			if seed == 2 { // more goes than stays
				gone = ids[:len(ids)-2]
			}
			before := c.file
			records, versions := audit(t, c)
			if err := c.Remove(t.Context(), gone...); err != nil {
				t.Fatal(err)
			}
			left, versionsLeft := audit(t, c)
			if c.file != before {
				rewritten++
			} else if amended++; records-left < versions-versionsLeft+int64(len(gone)) {
				t.Fatalf("%d of %d versions went, but %d of %d records", versions-versionsLeft, versions, records-left, records)
			}
			for _, id := range gone {
				delete(trees, id)
			}
			for id, what := range trees {
				if random.IntN(10) == 0 || len(trees) < 10 {
					checkTree(t, c, id, what)
				}
			}
			if random.IntN(10) == 0 {
				c = reopen(t, c)
				what := now["a"]
				version++
				what["new"] = file("new", version)
				trees[mustAbsorb(t, c, snapshot("a", 1000+version), what)] = maps.Clone(what)
			}
		}
	}
	if amended == 0 || rewritten == 0 {
		t.Errorf("amended %d times and rewritten %d times", amended, rewritten)
	}
}

// TestAmendInBlocks changes more than a scanner keeps.
func TestAmendInBlocks(t *testing.T) {
	const n = 60_000
	c := newCatalog(t)
	before := files(n, 1)
	mustAbsorb(t, c, snapshot("a", 1), before)
	second := mustAbsorb(t, c, snapshot("a", 2), files(n, 2))
	third := mustAbsorb(t, c, snapshot("a", 3), before)
	if size := c.file.Size(); size <= 4<<20 { // it keeps 2 MiB
		t.Fatalf("there are %d bytes, which is not enough", size)
	}
	c = reopen(t, c)
	file := c.file
	if err := c.Remove(t.Context(), 1, second); err != nil {
		t.Fatal(err)
	}
	if c.file != file {
		t.Error("it was rewritten")
	}
	audit(t, c)
	c = reopen(t, c)
	audit(t, c)
	checkTree(t, c, third, before)
	if rows := count(t, c, "SELECT count() FROM versions;"); rows != n {
		t.Errorf("%d rows are left, want %d", rows, n)
	}
}

// TestRemoveMany removes many snapshots and leaves more, so that nothing is
// rewritten, with what hangs on them.
func TestRemoveMany(t *testing.T) {
	c := newCatalog(t)
	what := files(10, 1)
	var gone []ID
	for n := range 100 {
		id := mustAbsorb(t, c, snapshot("a", n), what)
		c.NoteVerification(Verification{Snapshot: id})
		if n%2 == 0 {
			gone = append(gone, id)
		}
	}
	c = reopen(t, c)
	if err := c.Remove(t.Context(), gone...); err != nil {
		t.Fatal(err)
	}
	c = reopen(t, c)
	for table, want := range map[string]int64{"snapshots": 50, "verifications": 50, "versions": 10} {
		if n := count(t, c, "SELECT count() FROM "+table+";"); n != want {
			t.Errorf("%d %s are left, want %d", n, table, want)
		}
	}
	checkTree(t, c, 100, what)
}
