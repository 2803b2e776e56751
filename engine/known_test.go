package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/catalog"
	"phlb/engine/manifest"
)

func TestKnownUnderAnotherName(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	large := strings.Repeat("large", 1<<18)
	r.write("a", "content", "large", large, "sub/b", "more")
	first := r.backup()
	other := filepath.Join(filepath.Dir(r.source), "other")
	r.must(os.CopyFS(other, os.DirFS(r.source)))
	r.must(os.WriteFile(filepath.Join(other, "own"), []byte("own"), 0o644))
	s, err := r.try(engine.Source{Root: other, Name: "another name"})
	r.must(err)
	r.check(s)
	r.counts(s, 0, 3, 1)
	for _, path := range []string{"a", "large", "sub/b"} {
		r.together(true, filepath.Join(first.Path, path), filepath.Join(s.Path, path))
	}
	if s.Name != "another name" || filepath.Base(filepath.Dir(s.Path)) != s.Name {
		t.Errorf("the snapshot is %s at %s", s.Name, s.Path)
	}
}

// damaged notes in the catalog that a file of a snapshot was found rotten.
func (r *repo) damaged(s *engine.Snapshot, path string) {
	r.Helper()
	cat, err := catalog.Open(r.config.Catalog, "")
	r.must(err)
	defer cat.Close()
	r.must(cat.RecordDamage(catalog.Damage{
		Digest: readManifest(r, s)[path].Digest, Snapshot: s.ID, Path: path, Found: r.now(), What: "content",
	}))
	r.must(cat.Publish())
}

// TestRotDoesNotSpread has damage that is known: nothing links to it any more,
// from the same path or another, and what is stored anew is linked to.
func TestRotDoesNotSpread(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	large := strings.Repeat("large", 1<<18)
	r.write("a", "content", "fine", "fine", "large", large)
	first := r.backup()
	for _, path := range []string{"a", "large"} {
		r.rot(filepath.Join(first.Path, path))
		r.damaged(first, path)
	}
	r.write("copy of a", "content", "z/copy of large", large)
	second := r.backup() // checks each digest against the bytes
	r.alike(second)
	r.counts(second, 1, 2, 2)
	for _, path := range []string{"a", "large"} {
		r.together(false, filepath.Join(first.Path, path), filepath.Join(second.Path, path))
	}
	r.together(true, filepath.Join(second.Path, "a"), filepath.Join(second.Path, "copy of a"))
	// The content stays suspect until it is healed, but the good copy is found.
	r.write("one more", "content")
	third := r.backup()
	r.alike(third)
	r.together(true, filepath.Join(second.Path, "a"), filepath.Join(third.Path, "one more"))
}

// TestEditedInSnapshot has somebody change, or delete, what a snapshot holds.
func TestEditedInSnapshot(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		edit func(path string) error
	}{
		{"Size", func(path string) error {
			info, err := os.Stat(path)
			if err == nil {
				err = os.WriteFile(path, []byte("edited by hand"), 0)
			}
			if err == nil {
				err = os.Chtimes(path, info.ModTime(), info.ModTime())
			}
			return err
		}},
		{"Mtime", func(path string) error { return os.WriteFile(path, []byte("CONTENT"), 0) }},
		{"Replaced", func(path string) error { os.Remove(path); return os.Symlink("/etc/passwd", path) }},
		{"Directory", func(path string) error { os.Remove(path); return os.Mkdir(path, 0o755) }},
		{"Deleted", os.Remove},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			r.write("sub/a", "content", "other", "x")
			first := r.backup()
			r.must(test.edit(filepath.Join(first.Path, "sub/a")))
			r.write("new", "content")
			r.log.take()
			s := r.backup()
			r.alike(s)
			r.counts(s, 1, 1, 1)
			r.logged("sub/a")
			r.counts(r.backup(), 3, 0, 0)
		})
	}
}

// TestSnapshotTreeEdited removes, or replaces, a folder of a snapshot.
func TestSnapshotTreeEdited(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	outside := t.TempDir()
	r.write("sub/a", "1", "sub/deep/b", "2", "c", "3", "swapped/d", "4")
	first := r.backup()
	r.must(os.RemoveAll(filepath.Join(first.Path, "sub")))
	r.must(os.RemoveAll(filepath.Join(first.Path, "swapped")))
	r.must(os.WriteFile(filepath.Join(outside, "d"), []byte("4"), 0o644))
	r.must(os.Symlink(outside, filepath.Join(first.Path, "swapped")))
	s := r.backup()
	r.alike(s)
	r.counts(s, 1, 0, 3)
	r.together(false, filepath.Join(outside, "d"), filepath.Join(s.Path, "swapped/d"))
}

// TestBrokenManifest damages the manifest of the snapshot before.
func TestBrokenManifest(t *testing.T) {
	t.Parallel()
	const several = 1800 // files that take more than one gzip member
	for _, test := range []struct {
		name   string
		files  int
		damage func([]byte) []byte
	}{
		{"Middle", several, func(m []byte) []byte { m[len(m)*9/10] ^= 0x10; return m }},
		{"CutOff", several, func(m []byte) []byte { return m[:len(m)*9/10] }},
		{"End", several, func(m []byte) []byte { return m[:len(m)-1] }},
		{"Header", 20, func(m []byte) []byte { m[30] ^= 0x10; return m }},
		{"Empty", 20, func([]byte) []byte { return nil }},
		{"Text", 20, func([]byte) []byte { return []byte("all gone\n") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			for i := range test.files {
				r.write(fmt.Sprintf("d%02d/%0100d", i%20, i), fmt.Sprint("content ", i))
			}
			first, err := r.try(engine.Source{})
			r.must(err)
			data, err := os.ReadFile(first.Path + manifest.Suffix)
			r.must(err)
			r.must(os.WriteFile(first.Path+manifest.Suffix, test.damage(data), 0o644))
			r.must(os.RemoveAll(r.in("d00")))
			r.must(os.RemoveAll(r.in("d18")))
			r.write("d01/new", "new", "d19/new", "newer")
			r.log.take()
			second := r.backup()
			r.logged("manifest")
			r.alike(second)
			r.indexed(second)
			if (second.Unchanged > 0) != (test.files == several) {
				t.Errorf("%d unchanged", second.Unchanged)
			}
			known := int64(test.files * 18 / 20)
			if second.Unchanged+second.Linked != known || second.New != 2 { // their inodes still are
				t.Errorf("summary %+v", second.Summary)
			}
			third, err := r.try(engine.Source{})
			r.must(err)
			r.counts(third, known+2, 0, 0)
			r.indexed(third)
			// Also for one who has no catalog any more.
			r.must(os.Remove(r.config.Catalog))
			if found := r.snapshots(); len(found) != 2 {
				t.Errorf("%d snapshots have a manifest that can be read, want 2", len(found))
			}
			r.counts(r.backup(), known+2, 0, 0)
		})
	}
}
