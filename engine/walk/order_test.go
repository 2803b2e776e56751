package walk

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"phlb/engine/manifest"
)

// TestOrder holds walks of random trees against filepath.WalkDir.
func TestOrder(t *testing.T) {
	base := t.TempDir()
	// Bytes on both sides of the slash, and names that begin alike.
	name := rapid.StringMatching(`[!.\-0a]{0,2}[!a0b]`)
	path := rapid.SliceOfN(name, 1, 4)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(base, "tree-")
		must(rt, err)
		defer os.RemoveAll(dir)
		for _, names := range rapid.SliceOfN(path, 0, 40).Draw(rt, "paths") {
			full := filepath.Join(dir, filepath.Join(names...))
			// What cannot be made, because something else lies there, is not.
			if os.MkdirAll(filepath.Dir(full), 0o755) != nil {
				continue
			}
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				os.Mkdir(full, 0o755)
			case 1:
				os.Symlink("a", full)
			default:
				if _, err := os.Lstat(full); err != nil {
					must(rt, os.WriteFile(full, nil, 0o644))
				}
			}
		}
		want := model(t, dir)
		got := gather(rt, &Walk{Root: dir, Workers: rapid.IntRange(0, 3).Draw(rt, "workers")})
		wantNoErrors(rt, got)
		var entries []manifest.Entry
		for i := range got.entries {
			e := &got.entries[i]
			entries = append(entries, manifest.Entry{Path: e.Path, Kind: e.Kind, Size: e.Size, Target: e.Target})
		}
		if a, b := fmt.Sprint(entries), fmt.Sprint(want); a != b {
			rt.Fatalf("walked\n%s, want\n%s", a, b)
		}
	})
}

// model lists the tree in the order of manifests.
func model(t *testing.T, dir string) (list []manifest.Entry) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		info, err := d.Info()
		must(t, err)
		e := manifest.Entry{Path: ".", Size: info.Size()}
		e.Kind, _ = manifest.KindOf(info.Mode())
		if path != dir {
			e.Path = filepath.ToSlash(path[len(dir)+1:])
		}
		if e.Kind == manifest.Symlink {
			e.Target, err = os.Readlink(path)
			must(t, err)
		}
		list = append(list, e)
		return nil
	})
	must(t, err)
	slices.SortFunc(list, func(a, b manifest.Entry) int { return manifest.Compare(&a, &b) })
	return list
}

func TestNameListedTwice(t *testing.T) {
	got := inOrder([]dirent{{"b", 0}, {"a", 0}, {"b", manifest.Dir}, {"c", manifest.Dir}})
	if len(got) != 3 || got[0].name != "a" || got[1].name != "b" || got[2].name != "c" {
		t.Errorf("got %v", got)
	}
}

func TestLargeDirectory(t *testing.T) {
	for _, n := range []int{batchSize - 1, batchSize, batchSize + 1, 3 * batchSize, 20*batchSize + 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			dir := t.TempDir()
			want := []string{"."}
			for i := range n {
				name := fmt.Sprintf("%06d%s", i, strings.Repeat("x", i%100))
				must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
				want = append(want, name)
			}
			grow(t, dir, "0/f", "z/")
			want = append(want, "0", "0/f", "z")
			got := gather(t, &Walk{Root: dir})
			wantNoErrors(t, got)
			wantPaths(t, got, want...)
		})
	}
}

// TestStages checks what the callbacks of a walk are promised.
func TestStages(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		for j := range 2*batchSize + 5 {
			grow(t, dir, fmt.Sprintf("%d/%d", i, j))
		}
	}
	type data struct{ number, names int }
	prepared := 0
	var mu sync.Mutex
	var emitted []int
	w := &Walk{Root: dir, Workers: 3}
	w.Prepare = func(b *Batch) error {
		if len(b.Entries) > 0 {
			t.Error("entries before Prepare")
		}
		mu.Lock()
		defer mu.Unlock()
		if old, ok := b.Data.(data); b.Data != nil && (!ok || !slices.Contains(emitted, old.number)) {
			t.Errorf("data of a batch that was not emitted: %v", b.Data)
		}
		b.Data = data{prepared, len(b.Names)}
		if b.First {
			b.Folder.Data = b.Path
		}
		prepared++
		return nil
	}
	w.Work = func(_ context.Context, worker int, b *Batch) error {
		if worker < 0 || worker >= w.WorkerCount() {
			t.Errorf("worker %d of %d", worker, w.WorkerCount())
		}
		if b.Data.(data).names != len(b.Names) || len(b.Entries) != len(b.Names) || b.Folder.Data != b.Path {
			t.Errorf("%s: work on %d entries of %d names, data %v", b.Path, len(b.Entries), len(b.Names), b.Data)
		}
		_, err := b.Folder.Dir.Stat() // open as long as the batch is under way
		return err
	}
	must(t, w.Run(t.Context(), func(b *Batch) error {
		mu.Lock()
		defer mu.Unlock()
		emitted = append(emitted, b.Data.(data).number)
		return nil
	}))
	if prepared != 1+3*3 || len(emitted) != prepared || !slices.IsSorted(emitted) {
		t.Errorf("%d batches were prepared, and emitted: %v", prepared, emitted)
	}
}

func TestEmptyRoot(t *testing.T) {
	got := gather(t, &Walk{Root: t.TempDir()})
	wantPaths(t, got, ".")
	wantNoErrors(t, got)
}

func TestRootThatIsNone(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "file")
	for _, name := range []string{"file", "missing"} {
		if _, err := tryGather(t, &Walk{Root: filepath.Join(dir, name)}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("root %s: %v", name, err)
		}
	}
	// The root alone may be named by a link.
	must(t, os.Symlink(dir, filepath.Join(dir, "link")))
	wantPaths(t, gather(t, &Walk{Root: filepath.Join(dir, "link")}), ".", "file", "link")
}
