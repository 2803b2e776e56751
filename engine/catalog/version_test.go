package catalog

import (
	"hash/maphash"
	"math"
	"reflect"
	"testing"
	"time"

	"phlb/engine/catalog/keyed"
	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// TestVersion takes every field of an entry through the file and back.
func TestVersion(t *testing.T) {
	what := tree{}
	add := func(path string, change func(e *manifest.Entry)) {
		e := file(path, 1)
		change(&e)
		what[path] = e
	}
	for _, at := range []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Unix(0, 0),
		time.Date(2026, 11, 22, 10, 45, 0, 123_456_789, time.UTC),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		add(at.Format(time.RFC3339Nano), func(e *manifest.Entry) { e.Mtime = manifest.TimeOf(at) })
	}
	for path, sec := range map[string]int64{
		"first": math.MinInt64, "last": math.MaxInt64, "year 0": -62135596801, "year 10000": 253402300800,
	} {
		add(path, func(e *manifest.Entry) { e.Mtime = manifest.Time{Sec: sec, Nsec: 999_999_999} })
	}
	add("\xff\xfe\n\\ \"'$1;é", func(*manifest.Entry) {})
	add("xattrs", func(e *manifest.Entry) {
		e.Xattrs = []manifest.Xattr{{Name: "", Value: ""}, {Name: "user.\xff", Value: string(make([]byte, 70_000))}}
	})
	add("stored", func(e *manifest.Entry) {
		e.Stored = &manifest.Stored{
			Permissions: manifest.Permissions{Mode: 0o7777, UID: math.MaxUint32, GID: 0},
			Mtime:       manifest.Time{Sec: math.MinInt64, Nsec: 5},
		}
	})
	add("rows.Absent", func(e *manifest.Entry) { e.Absent = true })
	add("ids", func(e *manifest.Entry) { e.UID, e.GID, e.Mode = math.MaxUint32, math.MaxUint32-1, 0o7777 })
	add("large", func(e *manifest.Entry) { e.Size = math.MaxInt64 })
	for _, kind := range []manifest.Kind{manifest.Dir, manifest.Fifo, manifest.Socket} {
		what[kind.String()] = manifest.Entry{Path: kind.String(), Kind: kind}
	}
	what["link"] = manifest.Entry{Path: "link", Kind: manifest.Symlink, Target: "\xff/.."}
	what["device"] = manifest.Entry{Path: "device", Kind: manifest.CharDevice, Major: math.MaxUint32, Minor: 3}

	c := newCatalog(t)
	id := mustAbsorb(t, c, snapshot("a", 1), what)
	c = reopen(t, c)
	got, err := holds(c, id)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, what) {
		t.Error(sameTree(got, what))
	}
	// Keys made from rows are those made from entries: nothing changes.
	rows := count(t, c, "SELECT count() FROM versions")
	mustAbsorb(t, c, snapshot("a", 2), what)
	if now := count(t, c, "SELECT count() FROM versions"); now != rows {
		t.Errorf("%d rows became %d", rows, now)
	}
}

// TestSame changes one field at a time.
func TestSame(t *testing.T) {
	h := keyed.Hasher{Seed: maphash.MakeSeed()}
	key := func(e manifest.Entry) uint64 {
		v := rows.VersionOf(&e)
		return h.Key(&v)
	}
	base := file("a", 1)
	for name, change := range map[string]func(*manifest.Entry){
		"path": func(e *manifest.Entry) { e.Path = "b" }, "kind": func(e *manifest.Entry) { e.Kind = manifest.Dir },
		"mode": func(e *manifest.Entry) { e.Mode++ }, "uid": func(e *manifest.Entry) { e.UID++ },
		"gid": func(e *manifest.Entry) { e.GID++ }, "size": func(e *manifest.Entry) { e.Size++ },
		"sec": func(e *manifest.Entry) { e.Mtime.Sec++ }, "nsec": func(e *manifest.Entry) { e.Mtime.Nsec++ },
		"digest": func(e *manifest.Entry) { e.Digest.Bytes()[31]++ }, "target": func(e *manifest.Entry) { e.Target = "x" },
		"rows.Absent": func(e *manifest.Entry) { e.Absent = true }, "stored": func(e *manifest.Entry) { e.Stored = &manifest.Stored{} },
		"xattrs": func(e *manifest.Entry) { e.Xattrs = []manifest.Xattr{{Name: "a"}} },
	} {
		changed := file("a", 1)
		change(&changed)
		if Same(&base, &changed) || key(base) == key(changed) {
			t.Errorf("a change of %s is not noticed", name)
		}
	}
	for name, change := range map[string]func(*manifest.Entry){
		"ctime": func(e *manifest.Entry) { e.Ctime.Sec++ }, "inode": func(e *manifest.Entry) { e.Inode++ },
		"group": func(e *manifest.Entry) { e.Group++ }, "racy": func(e *manifest.Entry) { e.Racy = true },
	} {
		changed := file("a", 1)
		change(&changed)
		if !Same(&base, &changed) || key(base) != key(changed) {
			t.Errorf("a change of %s makes a version", name)
		}
	}
}
