package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChange(t *testing.T) {
	// changes returns what is new after two rounds, by path below the root, and
	// how many files became another inode.
	changes := func(seed uint64) (map[string]string, int) {
		root := makeTree(t, 401)
		before := snapshot(t, root)
		infos := map[string]os.FileInfo{}
		for path := range before {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			infos[path] = info
		}
		tr := &tree{root: root, seed: seed, census: contents{Files: 401}}
		for round := range 2 {
			if err := tr.change(t.Context(), round); err != nil {
				t.Fatal(err)
			}
			if tr.changed.Files != 5 || tr.changed.Bytes == 0 {
				t.Errorf("%d files changed, want 5: %+v", tr.changed.Files, tr.changed)
			}
		}
		added, replaced := map[string]string{}, 0
		after := snapshot(t, root)
		if len(after) != len(before) {
			t.Errorf("%d files, there were %d", len(after), len(before))
		}
		for path, text := range after {
			rest, ok := strings.CutPrefix(text, before[path])
			if !ok {
				t.Errorf("%s has lost its content", path)
			}
			if rest != "" {
				rel, _ := filepath.Rel(root, path)
				added[rel] = rest
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if !os.SameFile(info, infos[path]) {
				replaced++
			}
			if info.Mode() != infos[path].Mode() {
				t.Errorf("%s: mode %v, was %v", path, info.Mode(), infos[path].Mode())
			}
		}
		return added, replaced
	}

	one, replaced := changes(1)
	if len(one) < 6 || len(one) > 10 {
		t.Errorf("%d files changed in two rounds of 5", len(one))
	}
	if replaced != 2 {
		t.Errorf("%d files replaced, want 1 in each round", replaced)
	}
	again, _ := changes(1)
	other, _ := changes(2)
	if !same(one, again) {
		t.Errorf("one seed, two results:\n%v\n%v", one, again)
	}
	if same(one, other) {
		t.Errorf("two seeds, one result: %v", one)
	}
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

func TestRemoveAll(t *testing.T) {
	root := makeTree(t, 3)
	for _, dir := range []string{filepath.Join(root, "sub"), root} {
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeAll(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	if err := removeAll(root); err != nil {
		t.Errorf("what is not there: %v", err)
	}
}
