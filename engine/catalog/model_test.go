package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"

	"phlb/engine/manifest"
)

// model is what a catalog should hold: whole trees.
type model struct {
	c     *Catalog
	dir   string
	last  int // number of the last snapshot that was made
	trees map[ID]tree
	snaps map[ID]Snapshot
	rot   map[manifest.Digest]int

	runs     int // that were noted
	written  int // of these, how many were published
	verified map[ID]int
	noted    map[ID]int // of these, how many were not
}

func (m *model) lastOf(name string) ID {
	id := ID(0)
	for n, s := range m.snaps {
		if s.Name == name {
			id = max(id, n)
		}
	}
	return id
}

func (m *model) took(id ID, s Snapshot, what tree) {
	s.ID = id
	m.snaps[id], m.trees[id] = s, what
}

// drawName, drawTree and drawSnapshot make what a step is about.
func drawName(t *rapid.T) string { return rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name") }

func drawTree(t *rapid.T) tree {
	what := tree{}
	for _, path := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		"one", "two", "three", "d/four", "d/five", "\xff\n", "seven", "eight",
	}), 0, 8, rapid.ID[string]).Draw(t, "paths") {
		e := file(path, rapid.IntRange(0, 2).Draw(t, "version"))
		switch rapid.IntRange(0, 6).Draw(t, "special") {
		case 0:
			e = manifest.Entry{Path: path, Kind: manifest.Symlink, Target: "to"}
		case 1:
			e = manifest.Entry{Path: path, Kind: manifest.BlockDevice, Major: 8, Minor: 1}
		case 2:
			e.Stored = &manifest.Stored{Permissions: manifest.Permissions{Mode: 0o4755, UID: 1, GID: 2}, Mtime: manifest.Time{Sec: -5, Nsec: 7}}
		case 3:
			e.Xattrs = []manifest.Xattr{{Name: "user.a", Value: ""}, {Name: "user.b", Value: "\x00\xff"}}
		case 4:
			e.Absent = true
		}
		what[path] = e
	}
	return what
}

func (m *model) drawSnapshot(t *rapid.T) Snapshot {
	m.last++
	s := snapshot(drawName(t), m.last)
	// Old trees are adopted late: numbers and times need not agree.
	s.Started = s.Started.AddDate(0, 0, -rapid.IntRange(0, 2).Draw(t, "late"))
	s.Tags = rapid.SliceOfN(rapid.StringMatching("[a-z.:]{1,5}"), 0, 2).Draw(t, "tags")
	return s
}

func (m *model) absorb(t *rapid.T) {
	s, what := m.drawSnapshot(t), drawTree(t)
	id, err := m.c.Absorb(context.Background(), &s, what.entries(nil))
	if err != nil {
		t.Fatal(err)
	}
	m.took(id, s, what)
}

func (m *model) absorbFails(t *rapid.T) {
	broken := errors.New("broken")
	s := m.drawSnapshot(t)
	if _, err := m.c.Absorb(context.Background(), &s, drawTree(t).entries(broken)); !errors.Is(err, broken) {
		t.Fatal(err)
	}
}

func (m *model) record(t *rapid.T) {
	s, what := m.drawSnapshot(t), drawTree(t)
	base := m.lastOf(s.Name)
	id, err := record(context.Background(), m.c, base, s, m.trees[base], what)
	if err != nil {
		t.Fatal(err)
	}
	m.took(id, s, what)
}

// recordFails ends a path that the base does not have, beside some that it has,
// or gives up.
func (m *model) recordFails(t *rapid.T) {
	s, what := m.drawSnapshot(t), drawTree(t)
	base := m.lastOf(s.Name)
	rec, err := m.c.Begin(context.Background(), s.Name, base)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range m.trees[base] {
		rec.End(&e)
	}
	for _, e := range what {
		rec.Add(&e)
	}
	if rapid.Bool().Draw(t, "abort") {
		if err := rec.Abort(); err != nil {
			t.Fatal(err)
		}
		return
	}
	rec.End(&manifest.Entry{Path: "nowhere"})
	if _, err := rec.Commit(context.Background(), s); !errors.Is(err, ErrBase) {
		t.Fatal(err)
	}
}

func (m *model) remove(t *rapid.T) {
	if len(m.snaps) == 0 {
		t.Skip()
	}
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(m.snaps))), 1, 3, rapid.ID[ID]).Draw(t, "ids")
	if err := m.c.Remove(context.Background(), ids...); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		delete(m.verified, id)
		delete(m.noted, id)
		delete(m.snaps, id)
		delete(m.trees, id)
	}
}

func (m *model) damage(t *rapid.T) {
	d := Damage{Digest: file("", rapid.IntRange(0, 2).Draw(t, "rotten")).Digest, Snapshot: 1, Path: "one", What: "content"}
	if rapid.Bool().Draw(t, "healed") {
		if err := m.c.ClearDamage(d.Digest); err != nil {
			t.Fatal(err)
		}
		delete(m.rot, d.Digest)
		return
	}
	if err := m.c.RecordDamage(d); err != nil {
		t.Fatal(err)
	}
	clear(m.rot) // the last word on the path
	m.rot[d.Digest] = 1
}

func (m *model) note(t *rapid.T) {
	m.runs++
	r := Run{Verb: "verify", Started: time.Unix(int64(m.runs), 0)}
	if len(m.snaps) > 0 {
		r.Snapshot = rapid.SampledFrom(slices.Sorted(maps.Keys(m.snaps))).Draw(t, "verified")
		m.noted[r.Snapshot]++
		m.c.NoteVerification(Verification{Snapshot: r.Snapshot, Sample: 0.5})
	}
	m.c.NoteRun(r)
}

func (m *model) reopen(t *rapid.T) {
	if err := m.c.Publish(); err != nil {
		t.Fatal(err)
	}
	m.written = m.runs
	for id, n := range m.noted {
		m.verified[id] += n
	}
	clear(m.noted)
	m.open(t)
}

func (m *model) open(t *rapid.T) {
	c, err := Open(filepath.Join(m.dir, "catalog.ql"), "")
	if err != nil {
		t.Fatal(err)
	}
	c.batchRows = rapid.IntRange(1, 9).Draw(t, "batch")
	m.c = c
}

// check compares all that can be read with the model.
func (m *model) check(t *rapid.T) {
	ctx := context.Background()
	all, err := m.c.Snapshots(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.SortedFunc(maps.Values(m.snaps), rows.NewestFirst)
	if fmt.Sprint(all) != fmt.Sprint(want) {
		t.Fatalf("snapshots are\n%v, not\n%v", all, want)
	}
	for id, what := range m.trees {
		got, err := holds(m.c, id)
		if err == nil {
			err = sameTree(got, what)
		}
		if err != nil {
			t.Fatalf("snapshot %d: %v", id, err)
		}
		if diff, err := m.c.Compare(ctx, id, what.entries(nil)); err != nil || len(diff) > 0 {
			t.Fatalf("snapshot %d: %v, %v", id, diff, err)
		}
	}
	rotten, err := m.c.Damaged(ctx)
	if err != nil || len(rotten) != len(m.rot) {
		t.Fatalf("damage is %v, not %v; %v", rotten, m.rot, err)
	}
	m.checkRows(t)
	m.checkContents(t)
	m.checkHistory(t)
}

func (m *model) checkHistory(t *rapid.T) {
	looks, err := m.c.Verifications(context.Background())
	verified := map[ID]int{}
	for _, v := range looks {
		verified[v.Snapshot]++
	}
	if err != nil || !maps.Equal(verified, m.verified) {
		t.Fatalf("verifications are %v, not %v; %v", verified, m.verified, err)
	}
	runs, err := m.c.Runs(context.Background())
	if err != nil || len(runs) != m.written {
		t.Fatalf("%d runs, not %d; %v", len(runs), m.written, err)
	}
	for i, r := range runs {
		if got := r.Started.Unix(); got != int64(i+1) {
			t.Fatalf("run %d comes in the place of %d", got, i+1)
		}
	}
}

// checkRows holds every row against what the package comment promises.
func (m *model) checkRows(t *rapid.T) {
	if err := m.c.settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	byQL := scannedByQL(t, m.c)
	err := rows.ScanVersions(context.Background(), m.c.file, rows.Filter{}, func(v *rows.Version, at rows.Position) (bool, error) {
		if len(byQL) == 0 || !reflect.DeepEqual(byQL[0], append(v.AppendRow(nil), at.ID)) {
			return false, fmt.Errorf("scanned %+v, which is not what QL says: %v", v, byQL)
		}
		byQL = byQL[1:]
		first, ok := m.snaps[v.Since]
		if !ok {
			return false, fmt.Errorf("%+v begins with no snapshot", v)
		}
		last := m.lastOf(first.Name)
		if end, ok := m.snaps[v.Until]; v.Until != 0 && (!ok || end.Name != first.Name || v.Until < v.Since || v.Until == last) {
			return false, fmt.Errorf("%+v ends with no snapshot that it can", v)
		}
		return true, nil
	})
	if err != nil || len(byQL) > 0 {
		t.Fatal(err, byQL)
	}
	tables, err := m.c.Query(context.Background(), `SELECT Name FROM __Table WHERE Name == "ended" || Name == "removed";`)
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range tables.All() {
		t.Fatal("left behind:", row, err)
	}
}

// scannedByQL returns all versions as QL reads them, with their id().
func scannedByQL(t rapid.TB, c *Catalog) (rows [][]any) {
	t.Helper()
	list := qlfile.Compile(`
		SELECT path, kind, size, mtime, mode, uid, gid, digest, since, until, target, stored, xattrs, id()
		FROM versions;`)
	err := c.file.Select(context.Background(), list, nil, func(row []any) (bool, error) {
		rows = append(rows, row)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (m *model) checkContents(t *rapid.T) {
	contents, err := m.c.Contents(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer contents.Close()
	for n := range 4 {
		where := map[string]bool{}
		for id, what := range m.trees {
			for path, e := range what {
				if e.Kind == manifest.File && !e.Absent && e.Size == int64(n) && n > 0 {
					where[fmt.Sprintf("%d %s %v %v", id, path, e.InSnapshot(), e.Xattrs)] = true
				}
			}
		}
		found, err := contents.Lookup(file("", n).Digest, 1000)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, content := range found {
			for _, s := range content.Snapshots {
				got[fmt.Sprintf("%d %s %v %v", s.ID, content.Path, content.Stored, content.Xattrs)] = true
			}
		}
		if !maps.Equal(got, where) {
			t.Fatalf("content %d is in %v, not in %v", n, got, where)
		}
		if !slices.IsSortedFunc(found, func(a, b Content) int {
			return cmp.Compare(b.Snapshots[0].Started.Unix(), a.Snapshots[0].Started.Unix())
		}) {
			t.Fatal("not the newest first:", found)
		}
		if contents.HasSize(int64(n)) != (len(where) > 0) {
			t.Fatal("size", n, "of", where)
		}
	}
}

// TestModel holds random sequences of calls against whole trees in memory.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{dir: tempDir(t), trees: map[ID]tree{}, snaps: map[ID]Snapshot{}, rot: map[manifest.Digest]int{}, verified: map[ID]int{}, noted: map[ID]int{}}
		m.open(t)
		t.Cleanup(func() { m.c.Close() })
		t.Repeat(map[string]func(*rapid.T){
			"absorb": m.absorb, "absorbFails": m.absorbFails, "record": m.record, "recordFails": m.recordFails,
			"remove": m.remove, "damage": m.damage, "note": m.note, "reopen": m.reopen, "": m.check,
		})
	})
}

func tempDir(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "catalog-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
