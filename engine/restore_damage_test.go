package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

// TestRestoreDamaged restores from snapshots that do not hold what they should.
func TestRestoreDamaged(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for _, test := range []struct {
		name   string
		damage func(r *repo, s *engine.Snapshot)
		dry    bool // whether a dry run tells it too
		want   []string
	}{
		{"Content", func(r *repo, s *engine.Snapshot) {
			r.rot(filepath.Join(s.Path, "sub/small"))
			r.rot(filepath.Join(s.Path, "sub/large"))
		}, false, []string{"content: sub/large: sha256 is ", "content: sub/small: sha256 is "}},
		{"Size", func(r *repo, s *engine.Snapshot) {
			r.must(os.Truncate(filepath.Join(s.Path, "sub/large"), 17))
		}, true, []string{"size: sub/large: is 17 bytes long, was 1048576; it is left out"}},
		{"Gone", func(r *repo, s *engine.Snapshot) {
			r.must(os.Remove(filepath.Join(s.Path, "sub/small")))
		}, true, []string{"missing: sub/small: the snapshot does not have it any more"}},
		{"FolderGone", func(r *repo, s *engine.Snapshot) {
			r.must(os.RemoveAll(filepath.Join(s.Path, "sub")))
		}, true, []string{"missing: sub/large: ", "missing: sub/small: "}},
		{"Kind", func(r *repo, s *engine.Snapshot) {
			r.must(os.Remove(filepath.Join(s.Path, "sub/small")))
			r.must(os.Mkdir(filepath.Join(s.Path, "sub/small"), 0o755))
		}, true, []string{"kind: sub/small: is a dir, was a file"}},
		{"Symlink", func(r *repo, s *engine.Snapshot) { // to the right content, but no part of the snapshot
			r.must(os.Rename(filepath.Join(s.Path, "sub/small"), r.to("small")))
			r.must(os.Symlink(r.to("small"), filepath.Join(s.Path, "sub/small")))
		}, true, []string{"kind: sub/small: is a symlink, was a file"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "1", "sub/small", "22", "sub/large", large, "sub/empty", "", "z", "3")
			s := r.backup()
			test.damage(r, s)
			r.place("to", "sub/small", "theirs")
			check := func(done *engine.Restored) {
				t.Helper()
				if len(done.Problems) != len(test.want) || done.Errors != int64(len(test.want)) || done.OK() {
					t.Fatalf("problems are %v, want %v", done.Problems, test.want)
				}
				for i, want := range test.want {
					if got := done.Problems[i].String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "; it is left out") {
						t.Errorf("problem is %q, want %q", got, want)
					}
				}
			}
			if dry := r.restore(s, engine.Restoration{Overwrite: engine.Always, Dry: true}); test.dry {
				check(dry)
			}
			check(r.restore(s, engine.Restoration{Overwrite: engine.Always, Delete: true}))
			// The rest is there, and what is damaged has replaced nothing.
			r.holds("to/a", "1")
			r.holds("to/z", "3")
			r.holds("to/sub/empty", "")
			for path := range tree(t, r.to("to")) {
				if strings.Contains(path, ".phlb") {
					t.Errorf("%s was left", path)
				}
			}
			if strings.Contains(strings.Join(test.want, ""), "small") {
				r.holds("to/sub/small", "theirs")
			}
			if _, err := os.Lstat(r.to("to/sub/large")); (err != nil) != strings.Contains(strings.Join(test.want, ""), "large") {
				t.Errorf("sub/large: %v", err)
			}
		})
	}
}

// TestRestoreElsewhere has another snapshot hold what is damaged in this one.
func TestRestoreElsewhere(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	large := strings.Repeat("0123456789abcdef", 1<<16)
	r.write("a", "one", "sub/large", large, "only", "here")
	first := r.backup()
	// Of another mode, so that it is an inode of its own.
	other := r.to("other")
	r.must(os.MkdirAll(other, 0o755))
	r.must(os.WriteFile(filepath.Join(other, "b"), []byte("one"), 0o400))
	r.must(os.WriteFile(filepath.Join(other, "large"), []byte(large), 0o400))
	_, err := r.try(engine.Source{Root: other})
	r.must(err)
	second := r.backup()
	r.together(true, filepath.Join(first.Path, "a"), filepath.Join(second.Path, "a"))
	r.rot(filepath.Join(second.Path, "a")) // in first, too
	r.must(os.RemoveAll(filepath.Join(second.Path, "sub")))
	r.rot(filepath.Join(second.Path, "only"))
	done := r.restore(second, engine.Restoration{})
	r.done(done, "2 files 1048579 bytes 2 folders 1 errors")
	want := []string{
		"recovered: a: content: sha256 is ",
		"content: only: sha256 is ",
		"recovered: sub/large: missing: the snapshot does not have it any more; taken from source/" + first.Stamp + "/sub/large",
	}
	if len(done.Problems) != len(want) {
		t.Fatalf("problems are %v", done.Problems)
	}
	for i := range want {
		if got := done.Problems[i].String(); !strings.HasPrefix(got, want[i]) {
			t.Errorf("problem is %q, want %q", got, want[i])
		}
	}
	if !strings.Contains(done.Problems[0].Detail, "; taken from other/") {
		t.Errorf("problem is %q", done.Problems[0])
	}
	r.must(os.Remove(r.in("only")))
	r.must(os.Chtimes(r.source, lstatTime(r, r.to("to")), lstatTime(r, r.to("to"))))
	r.equal(r.to("to"), r.source)
}

// TestRestoreBrokenManifest ends where the manifest ends, and deletes nothing
// that it may tell of behind that.
func TestRestoreBrokenManifest(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for _, dir := range []string{"a", "b", "c"} {
		r.write(dir+"/file", dir)
	}
	s := r.backup()
	path := s.Path + manifest.Suffix
	data, err := os.ReadFile(path)
	r.must(err)
	r.must(os.WriteFile(path, data[:len(data)/2], 0o644))
	r.place("to", "extra", "x", "a/extra", "x")
	_, err = r.tryRestore(s, engine.Restoration{Delete: true})
	if err == nil || !strings.Contains(err.Error(), "manifest of "+s.Ref().String()) {
		t.Errorf("error is %v", err)
	}
	r.holds("to/extra", "x")
	r.must(os.Remove(path))
	if _, err = r.tryRestore(s, engine.Restoration{}); err == nil {
		t.Error("there is no manifest, and no error")
	}
}

// TestRestoreForeign has a manifest that no backup would write: an entry outside
// of every directory.
func TestRestoreForeign(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	s := r.backup()
	f, err := os.Create(s.Path + manifest.Suffix)
	r.must(err)
	defer f.Close()
	w := manifest.NewWriter(f, s.Header)
	for _, e := range []manifest.Entry{{Path: ".", Kind: manifest.Dir}, {Path: "lost/b", Kind: manifest.Fifo}} {
		r.must(w.Write(&e))
	}
	r.must(w.Close(manifest.Summary{Entries: 2}))
	_, err = r.tryRestore(s, engine.Restoration{})
	if err == nil || !strings.Contains(err.Error(), `"lost/b" does not lie in a directory of it`) {
		t.Errorf("error is %v", err)
	}
}
