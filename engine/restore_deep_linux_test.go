package engine_test

import (
	"context"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine"
)

// TestRestoreDeep restores paths that are longer than one system call takes, and
// holds a backup of that against the first.
func TestRestoreDeep(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	name := strings.Repeat("n", 200)
	r.write("a", "1")
	fd, err := unix.Open(r.source, unix.O_DIRECTORY|unix.O_RDONLY, 0)
	r.must(err)
	for range 30 {
		r.must(unix.Mkdirat(fd, name, 0o755))
		r.must(unix.Linkat(unix.AT_FDCWD, r.in("a"), fd, "link", 0))
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY|unix.O_RDONLY, 0)
		r.must(err)
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
	s, err := r.try(engine.Source{})
	r.must(err)
	done := r.restore(s, engine.Restoration{})
	r.done(done, "31 files 1 bytes 30 linked 31 folders")
	again, err := r.engine().Backup(context.Background(), engine.Source{Root: r.to("to"), Name: "again"})
	r.must(err)
	got, want := readManifest(t, again), readManifest(t, s)
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("there are %d paths, want %d", len(g), len(w))
	}
	for path, e := range got {
		w := want[path]
		if e.Permissions != w.Permissions || e.Mtime != w.Mtime || e.Digest != w.Digest || e.Group != w.Group {
			t.Errorf("%.20s… is %+v, want %+v", path, e, w)
		}
	}
}

// TestRestoreDeepMemory restores folders in one another, none of which is to hold
// its whole path: together, these are as long as the square of the depth.
func TestRestoreDeepMemory(t *testing.T) {
	r := newRepo(t)
	const levels = 300
	name := strings.Repeat("n", 200)
	r.write("a", "1")
	fd, err := unix.Open(r.source, unix.O_DIRECTORY|unix.O_RDONLY, 0)
	r.must(err)
	for range levels {
		r.must(unix.Mkdirat(fd, name, 0o755))
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY|unix.O_RDONLY, 0)
		r.must(err)
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
	s, err := r.try(engine.Source{})
	r.must(err)
	held := func() int64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	deepest := 0
	var before, after int64
	var mu sync.Mutex // several workers are heard
	e := r.heard(func(_, path string) {
		mu.Lock()
		defer mu.Unlock()
		switch n := strings.Count(path, "/"); {
		case path == ".":
			before = held()
		case n > deepest:
			if deepest = n; n == levels-1 {
				after = held()
			}
		}
	})
	_, err = e.Restore(context.Background(), s, engine.Restoration{To: r.to("to")})
	r.must(err)
	if deepest != levels-1 {
		t.Fatalf("heard of %d levels", deepest+1)
	}
	// Their paths alone are 9 MB.
	if grown := after - before; grown > 3<<20 {
		t.Errorf("%d levels take %d KiB", levels, grown>>10)
	}
}

// TestBackupTooDeep has a source of more levels than handles can be had for. What
// lies deepest is an error of the source, and never one that ends the run.
func TestBackupTooDeep(t *testing.T) {
	r := newRepo(t)
	const levels = 300
	r.must(os.MkdirAll(r.in(strings.Repeat("d/", levels)), 0o755))
	r.write("z/f", "1")
	var limit unix.Rlimit
	r.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	few := limit
	few.Cur = 500
	r.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &few))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	for range 2 {
		s, err := r.try(engine.Source{})
		r.must(err)
		if s.Summary.Errors != 1 || s.Summary.Files != 1 {
			t.Errorf("%d files, %d errors, want one of each", s.Summary.Files, s.Summary.Errors)
		}
	}
}
