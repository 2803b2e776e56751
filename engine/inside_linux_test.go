package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"phlb/engine"
)

// TestPathsInRoot holds which links are followed where a path leads into the root:
// those on the way there, and in it the one to the newest snapshot alone.
func TestPathsInRoot(t *testing.T) {
	r := newRepo(t)
	r.write("a/x", "content")
	s := r.backup()
	r.write("a/y", "more")
	newest := r.backup()
	ctx, e := context.Background(), r.engine()
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "x"), []byte("of others"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(target, path string) string {
		t.Helper()
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	toRoot := link(r.root, filepath.Join(outside, "root"))
	toTree := link(filepath.Join(toRoot, s.Name, "latest"), filepath.Join(outside, "tree"))
	toFolder := link("tree/a", filepath.Join(outside, "folder"))
	planted := link(outside, filepath.Join(s.Path, "planted"))
	plantedName := link(outside, filepath.Join(r.root, "planted"))
	plantedTree := link(s.Path, filepath.Join(r.root, s.Name, "planted"))

	for path, want := range map[string]*engine.Snapshot{
		s.Path: s, toTree: newest, filepath.Join(toRoot, s.Name, s.Stamp): s, filepath.Join(r.root, s.Name, "latest"): newest,
		planted: nil, plantedName: nil, plantedTree: nil, r.root: nil, filepath.Dir(s.Path): nil, filepath.Join(s.Path, "a"): nil,
	} {
		found, err := e.Snapshot(ctx, path)
		if (err == nil) != (want != nil) || want != nil && found.Stamp != want.Stamp {
			t.Errorf("snapshot %s: %v, %v, want %v", path, found, err, want)
		}
	}
	for path, want := range map[string]string{
		toFolder: "a", filepath.Join(toTree, "a"): "a", filepath.Join(s.Path, "a/x"): "a/x", filepath.Join(plantedTree, "a"): "",
	} {
		found, inside, err := e.Locate(ctx, path)
		if (err == nil) != (want != "") || want != "" && (inside != want || found.Name != s.Name) {
			t.Errorf("locate %s: %v %q, %v, want %q", path, found, inside, err, want)
		}
	}
	for path, want := range map[string]bool{
		filepath.Join(s.Path, "a"): true, toFolder: true, outside: true, filepath.Join(s.Path, "a/x"): false,
		planted: false, plantedName: false, filepath.Join(plantedTree, "a"): false, filepath.Join(s.Path, "nowhere"): false,
	} {
		if e.IsSource(path) != want {
			t.Errorf("%s is a source: %v, want %v", path, !want, want)
		}
		_, _, err := e.DiffSource(ctx, s, engine.Source{Root: path}, true)
		if (err == nil) != want {
			t.Errorf("diff with %s: %v, want %v", path, err, want)
		}
		_, err = e.Explain(engine.Source{Root: path}, filepath.Join(path, "x"))
		if (err == nil) != want {
			t.Errorf("explain in %s: %v, want %v", path, err, want)
		}
		_, err = e.Hash(ctx, filepath.Join(path, "x"), "sha256")
		if (err == nil) != want {
			t.Errorf("hash in %s: %v, want %v", path, err, want)
		}
	}
	if _, err := e.Hash(ctx, link("a/x", filepath.Join(s.Path, "x")), "sha256"); err == nil {
		t.Error("a link in a snapshot was followed")
	}
	if _, err := e.Hash(ctx, link("x", filepath.Join(outside, "link")), "sha256"); err != nil {
		t.Errorf("a link outside of the root was not followed: %v", err)
	}
}
