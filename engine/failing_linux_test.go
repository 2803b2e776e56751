package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
)

func TestNoSpace(t *testing.T) {
	r := newRepo(t)
	r.root = filepath.Join(mount(t, "tmpfs", 12), "root")
	r.config = settings(r.root)
	random := rand.NewChaCha8([32]byte{})
	fill := func(prefix string, files, size int) {
		for i := range files {
			data := make([]byte, size)
			random.Read(data)
			r.write(fmt.Sprintf("%s%d/f", prefix, i), string(data))
		}
	}
	fill("first", 40, 50<<10)
	first := r.backup()
	before := tree(t, first.Path)
	for _, size := range []int{100 << 10, 1 << 20} { // written at once, and in pieces
		r.must(os.RemoveAll(r.in("more0")))
		fill("more", 20<<20/size, size)
		_, err := r.try(engine.Source{})
		if err == nil {
			t.Fatal("there was room for more than there is")
		}
		for _, text := range []string{"no space left in " + r.root, "nothing was sealed", "free some and run again"} {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("error %q lacks %q", err, text)
			}
		}
		if all := r.snapshots(); len(all) != 1 {
			t.Errorf("%d snapshots, want the first one", len(all))
		}
		same(t, "first snapshot", linkless(tree(t, first.Path)), linkless(before))
		r.check(first)
		r.must(removeMatching(r.in("more*")))
	}
	fill("little", 4, 10<<10)
	s := r.backup()
	r.alike(s)
	r.counts(s, 40, 0, 4)
	if left := r.partials(); len(left) > 0 {
		t.Errorf("there are %q", left)
	}
}

func removeMatching(pattern string) error {
	found, err := filepath.Glob(pattern)
	for _, path := range found {
		err = os.RemoveAll(path)
	}
	return err
}

// TestNoSpaceTakesOver frees just enough after a run that was cut off.
func TestNoSpaceTakesOver(t *testing.T) {
	r := newRepo(t)
	top := mount(t, "tmpfs", 48)
	r.root = filepath.Join(top, "root")
	r.config = settings(r.root)
	ballast := filepath.Join(top, "ballast")
	r.must(os.WriteFile(ballast, make([]byte, 24<<20), 0o600))
	r.manyFolders(2200, 12<<10-64) // 26 MiB
	if _, err := r.try(engine.Source{}); err == nil {
		t.Fatal("there was room for more than there is")
	}
	r.must(os.Remove(ballast))
	s := r.backup() // there is not room for what is there twice
	r.alike(s)
	if s.Linked < 500 {
		t.Errorf("%d linked, %d new: the run that was cut off is not taken over", s.Linked, s.New)
	}
}

// TestRemoveOnFullRoot makes room where there is none, and removes what makes
// none.
func TestRemoveOnFullRoot(t *testing.T) {
	r := newRepo(t)
	top := mount(t, "tmpfs", 16)
	r.root = filepath.Join(top, "root")
	r.config = settings(r.root)
	r.manyFolders(3000, 0)
	nothing := r.backup()
	r.write("large", strings.Repeat("x", 1<<20))
	large := r.backup()
	r.must(os.Remove(r.in("large")))
	last := r.backup()
	ballast, err := os.Create(filepath.Join(top, "ballast"))
	r.must(err)
	defer ballast.Close()
	for {
		if _, err := ballast.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	// This moves all rows of the catalog, and sets free next to nothing.
	removal, err := r.engine().Remove(context.Background(), nothing)
	r.must(err)
	if removal.Files != 0 {
		t.Errorf("%d files are free, want none", removal.Files)
	}
	if left := r.snapshots(); len(left) != 2 {
		t.Fatalf("%d snapshots are left, want 2", len(left))
	}
	removal, err = r.engine().Remove(context.Background(), large)
	r.must(err)
	if removal.Files != 1 || removal.Bytes != 1<<20 {
		t.Errorf("%d files of %d bytes are free, want 1 of 1 MiB", removal.Files, removal.Bytes)
	}
	r.check(last)
	r.indexed(last)
}

func TestReadOnlyRoot(t *testing.T) {
	r := newRepo(t)
	top := mount(t, "tmpfs", 12)
	r.root = filepath.Join(top, "root")
	r.config = settings(r.root)
	r.write("a", "1")
	r.backup()
	r.must(unix.Mount("", top, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	defer unix.Mount("", top, "", unix.MS_REMOUNT, "")
	if _, err := r.try(engine.Source{}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("error is %v, want one of a read-only file system", err)
	}
	if all := r.snapshots(); len(all) != 1 {
		t.Errorf("%d snapshots, want 1", len(all))
	}
}

// Too many open files say nothing about a file: a verification that meets them ends, and
// finds no damage, and a backup seals nothing that lacks them.
func TestTooFewOpenFiles(t *testing.T) {
	r := newRepo(t)
	r.manyFolders(3, 30)
	s := r.backup()
	for path := range readManifest(r, s) { // so that all is read again
		now := time.Now().Add(-time.Hour)
		r.must(os.Chtimes(r.in(path), now, now))
	}
	tooMany := func(err error) bool { return strings.Contains(err.Error(), "too many open files") } // QL keeps the text alone
	for limit := uint64(10); limit < 60; limit += 2 {
		var before unix.Rlimit
		r.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
		r.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: before.Max}))
		report, verified := r.engine().Verify(r.Context(), s, all)
		made, err := r.try(engine.Source{})
		r.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
		if verified == nil && !report.OK() || verified != nil && !tooMany(verified) {
			t.Errorf("with %d: verify: %+v, %v", limit, report, verified)
		}
		if err == nil && !made.Complete() || err != nil && !tooMany(err) {
			t.Errorf("with %d: backup: %+v, %v", limit, made, err)
		}
	}
	r.answers("SELECT path FROM damage")
	r.check(s)
}

// TestFewOpenFiles has no more of them than a walk must do with.
func TestFewOpenFiles(t *testing.T) {
	r := newRepo(t)
	r.manyFolders(300, 100)
	few := func(n uint64) (back func()) {
		var limit unix.Rlimit
		r.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
		r.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: limit.Max}))
		return func() { r.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }
	}
	for range 2 { // the second has one more folder open for each
		back := few(128)
		s, err := r.try(engine.Source{})
		back()
		r.must(err)
		r.check(s)
		r.alike(s)
	}
}
