package computed

import (
	"context"
	"fmt"
	"math/rand"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// sourceOf returns versions to be read, of a file that goes with the test.
func sourceOf(t *testing.T, list []rows.Version) rows.Source {
	t.Helper()
	file, err := qlfile.Open(filepath.Join(t.TempDir(), "catalog.ql"), "", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := rows.Migrate(file); err != nil {
		t.Fatal(err)
	}
	for batch := range slices.Chunk(list, 5000) {
		if err := file.Update(func(tx *qlfile.Tx) error { return rows.InsertVersions(tx, batch) }); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// betweenOneAndTwo says which versions snapshots 1 and 2 hold.
func betweenOneAndTwo(v *rows.Version) (first, second bool) {
	return v.Since == 1, v.Since == 2 || v.Until == 0
}

func fileOf(path string, content int, since rows.ID) rows.Version {
	v := rows.Version{Path: path, Kind: manifest.File, Size: int64(content), Since: since, Until: 1 - (since - 1)}
	v.Digest = manifest.Digest256([32]byte{byte(content), byte(content >> 8)})
	return v
}

// TestChanges compares trees in which contents wander between paths, and counts by
// hand what has become of them.
func TestChanges(t *testing.T) {
	t.Parallel()
	for round := range 20 {
		rnd := rand.New(rand.NewSource(int64(round)))
		trees := [2]map[string]int{{}, {}}
		var list []rows.Version
		for n, tree := range trees {
			for range 60 {
				path := fmt.Sprintf("%c/%s%d", 'a'+rnd.Intn(3), strings.Repeat("x", rnd.Intn(3)), rnd.Intn(20))
				tree[path] = rnd.Intn(12) // 0 is the content of an empty file
			}
			for path, content := range tree {
				list = append(list, fileOf(path, content, rows.ID(n+1)))
			}
		}
		want := map[string]int{}
		left, arrived := map[int]int{}, map[int]int{}
		for path, content := range trees[0] {
			if now, ok := trees[1][path]; !ok {
				left[content]++
			} else if now != content {
				want["changed"]++
			}
		}
		for path, content := range trees[1] {
			if _, ok := trees[0][path]; !ok {
				arrived[content]++
			}
		}
		for content := range 12 {
			both := min(left[content], arrived[content])
			if content == 0 {
				both = 0
			}
			want["moved"] += both
			want["removed"] += left[content] - both
			want["added"] += arrived[content] - both
		}
		rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		found, err := Changes(t.Context(), sourceOf(t, list), betweenOneAndTwo)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		last := ""
		for i := range found.Count {
			what, path := found.Value(i, 0).(string), found.Value(i, 1).(string)
			got[what]++
			if path <= last {
				t.Errorf("%s comes behind %s", path, last)
			}
			last = path
			was, now := trees[0][path], trees[1][path]
			if what == "moved" {
				was = trees[0][found.Value(i, 2).(string)]
				if was != now {
					t.Errorf("%s has the content %d and came from %v with %d", path, now, found.Value(i, 2), was)
				}
			}
			if size := found.Value(i, 4); what != "removed" && size != int64(now) || what == "removed" && size != nil {
				t.Errorf("%s %s is %v bytes long, not %d", what, path, size, now)
			}
			if size := found.Value(i, 5); what != "added" && size != int64(was) || what == "added" && size != nil {
				t.Errorf("%s %s was %v bytes long, not %d", what, path, size, was)
			}
		}
		for _, what := range []string{"added", "removed", "changed", "moved", "metadata"} {
			if got[what] != want[what] {
				t.Errorf("round %d: %d %s, not %d", round, got[what], what, want[what])
			}
		}
	}
}

// TestChangesHashedAnew has a snapshot with digests by another algorithm, which cannot be
// held against those before: what agrees in all else has not changed.
func TestChangesHashedAnew(t *testing.T) {
	t.Parallel()
	var list []rows.Version
	for i, change := range []func(*rows.Version){
		func(*rows.Version) {},
		func(v *rows.Version) { v.Mtime.Sec++ },
		func(v *rows.Version) { v.Size++ },
		func(v *rows.Version) { v.Permissions.Mode++ },
	} {
		path := fmt.Sprint("file ", i)
		now := fileOf(path, i+1, 2)
		change(&now)
		now.Digest, _ = manifest.DigestOf(make([]byte, manifest.SHA512.Size()))
		list = append(list, fileOf(path, i+1, 1), now)
	}
	found, err := Changes(t.Context(), sourceOf(t, list), betweenOneAndTwo)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range found.Count {
		got = append(got, fmt.Sprint(found.Value(i, 0), " ", found.Value(i, 1), " ", len(found.Value(i, 6).(string))))
	}
	if want := []string{"changed file 1 128", "changed file 2 128", "changed file 3 128"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestChangesMemory holds what Changes keeps of a path that is not the same against
// what its comment says.
func TestChangesMemory(t *testing.T) {
	const count = 50_000
	var list []rows.Version
	for i := range count {
		path := fmt.Sprintf("home/ann/pictures/2026/holidays by the sea/picture %06d.jpeg", i)
		list = append(list, fileOf(path, 2*i, 1), fileOf(path, 2*i+1, 2))
	}
	from := sourceOf(t, list)
	live := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	found, err := Changes(context.Background(), from, betweenOneAndTwo)
	if err != nil || found.Count != count {
		t.Fatal(found.Count, err)
	}
	if each := (live() - before) / count; each > 350 {
		t.Errorf("%d bytes are kept for each path", each)
	}
	runtime.KeepAlive(found)
}
