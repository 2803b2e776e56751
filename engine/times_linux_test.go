package engine_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/testenv"
)

// A root and a target on a file system that ignores a change of the modification
// time alone keep the times all the same.
func TestTimesOnFuse(t *testing.T) {
	t.Parallel()
	at := t.TempDir()
	testenv.MountBy(t, at, "bindfs", t.TempDir(), at)
	r := newRepo(t)
	r.root = filepath.Join(at, "root")
	r.config = settings(r.root)
	r.write("sub/a", "content", "sub/b", "", "c", "more")
	r.must(os.Symlink("a", r.in("sub/link")))
	when := time.Unix(1e9, 0)
	for _, path := range []string{"sub/a", "sub/b", "c", "sub", "."} {
		r.must(os.Chtimes(r.in(path), when, when))
	}
	s := r.backup()
	r.wantProblems(r.verify(s, all))
	to := filepath.Join(at, "to")
	if done := r.restore(s, engine.Restoration{To: to}); !done.OK() {
		t.Errorf("problems are %v", done.Problems)
	}
	for _, path := range []string{"sub/a", "sub/b", "c", "sub", "sub/link", "."} {
		for _, top := range []string{s.Path, to} {
			if got, want := lstat(t, filepath.Join(top, path)).mtime, lstat(t, r.in(path)).mtime; got != want {
				t.Errorf("%s in %s is of %v, want %v", path, top, got, want)
			}
		}
	}
	// Healing a file leaves its folder's time.
	r.rot(filepath.Join(s.Path, "sub/a"))
	r.verify(s, all)
	r.backup()
	r.verify(s, heal)
	r.whole(s)
}

// A root that keeps no times is not damaged: files have one that the manifest knows of,
// and folders that of the last change in them.
func TestRootWithoutTimes(t *testing.T) {
	t.Parallel()
	tool(t, "strace")
	r := newRepo(t)
	r.write("sub/a", "content", "sub/deep/b", "more", "c", "c")
	when := time.Unix(1e9, 0)
	for _, path := range []string{"sub/a", "sub/deep/b", "c", "sub/deep", "sub", "."} {
		r.must(os.Chtimes(r.in(path), when, when))
	}
	r.tick()
	a := runChild(t, order{Root: r.root, Source: r.source, Boot: r.boot, Under: []string{"strace", "-f", "-qq", "-o", filepath.Join(t.TempDir(), "trace"),
		"-e", "trace=utimensat", "-e", "inject=utimensat:retval=0"}})
	if a.Err != "" {
		t.Fatal(a.Err)
	}
	if got := lstat(t, filepath.Join(a.Snapshot.Path, "sub")).mtime; got == lstat(t, r.in("sub")).mtime {
		t.Errorf("the root has kept the time %v", got)
	}
	r.wantProblems(r.verify(a.Snapshot, all))
	r.must(os.Chtimes(filepath.Join(a.Snapshot.Path, "c"), when, when)) // of a file it is known
	r.wantProblems(r.verify(a.Snapshot, all), "mtime: c")
}
