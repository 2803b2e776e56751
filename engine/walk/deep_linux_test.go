package walk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
)

// dig makes directories in one another and a file in each.
func dig(t *testing.T, dir, name string, levels int) {
	t.Helper()
	at, err := unix.Open(dir, unix.O_DIRECTORY, 0)
	must(t, err)
	for range levels {
		must(t, unix.Mkdirat(at, name, 0o755))
		down, err := unix.Openat(at, name, unix.O_DIRECTORY, 0)
		must(t, err)
		unix.Close(at)
		at = down
		f, err := unix.Openat(at, "f", unix.O_CREAT|unix.O_WRONLY, 0o644)
		must(t, err)
		unix.Close(f)
	}
	unix.Close(at)
}

func TestDeep(t *testing.T) {
	const levels = 1000
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if limit.Cur < levels+300 {
		t.Skipf("needs to open %d files, may open %d", levels+300, limit.Cur)
	}
	dir := t.TempDir()
	name := strings.Repeat("deep", 5)
	dig(t, dir, name, levels) // 21,000 bytes: more than any call takes
	before := handles(t)
	var most atomic.Int64
	got := gather(t, &Walk{Root: dir, Work: func(_ context.Context, _ int, b *Batch) error {
		most.Store(max(most.Load(), int64(handles(t))))
		for i := range b.Entries {
			f, err := b.Folder.Dir.File(b.Entries[i].Name())
			if err != nil {
				return err
			}
			f.Close()
		}
		_, err := b.Folder.Dir.Xattrs("f")
		return err
	}})
	wantNoErrors(t, got)
	if len(got.entries) != 1+2*levels {
		t.Errorf("%d entries, want %d", len(got.entries), 1+2*levels)
	}
	if e := got.entry(t, strings.Repeat(name+"/", levels)+"f"); e.Mode != 0o644 {
		t.Errorf("the deepest file is %+v", e)
	}
	if bound := before + levels + 2*lookahead; int(most.Load()) > bound {
		t.Errorf("%d handles were open, want at most %d", most.Load(), bound)
	}
	if after := handles(t); after != before {
		t.Errorf("%d handles were open before, %d after", before, after)
	}
}

// TestPathTooLong walks to paths that are longer than a manifest takes: each is an error of
// its own, and all the rest is there.
func TestPathTooLong(t *testing.T) {
	const levels = manifest.MaxPath/256 + 2
	if openFiles() < handlesPerLevel*(levels+1) {
		t.Skipf("needs to open %d files, may open %d", handlesPerLevel*levels, openFiles())
	}
	dir := t.TempDir()
	name := strings.Repeat("d", 255)
	dig(t, dir, name, levels)
	grow(t, dir, "z/f")
	got := gather(t, &Walk{Root: dir})
	folder := func(level int) string { return strings.TrimSuffix(strings.Repeat(name+"/", level), "/") }
	for _, path := range []string{folder(levels-2) + "/f", folder(levels - 1)} {
		if err := got.errorAt(t, path); !errors.Is(err, unix.ENAMETOOLONG) {
			t.Errorf("%d bytes: %v", len(path), err)
		}
	}
	if e := got.entry(t, folder(levels-2)); e.Kind != manifest.Dir || len(e.Path) != manifest.MaxPath-1 {
		t.Errorf("the longest path has %d bytes", len(e.Path))
	}
	got.entry(t, "z/f")
	if n := 1 + 2*(levels-2) - 1 + 2; len(got.entries) != n {
		t.Errorf("%d entries, want %d", len(got.entries), n)
	}
}

// TestDeepMemory walks folders in one another whose paths, spelled out for every
// level, would take 40 MB.
func TestDeepMemory(t *testing.T) {
	const levels = 1250
	if openFiles() < handlesPerLevel*(levels+1) {
		t.Skipf("needs to open %d files, may open %d", handlesPerLevel*levels, openFiles())
	}
	dir := t.TempDir()
	dig(t, dir, strings.Repeat("d", 50), levels)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := &Walk{Root: dir, Workers: 1}
	deepest := 0
	must(t, w.Run(t.Context(), func(b *Batch) error {
		if b.Folder.depth == levels {
			deepest = len(b.Path)
			runtime.GC()
			runtime.ReadMemStats(&after)
		}
		return nil
	}))
	if deepest != 51*levels-1 {
		t.Fatalf("the deepest path has %d bytes", deepest)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4*lookahead*manifest.MaxPath {
		t.Errorf("memory has grown by %d bytes", grown)
	}
}

// TestTooManyFiles walks deeper than the process may open files.
func TestTooManyFiles(t *testing.T) {
	dir := t.TempDir()
	dig(t, dir, "a", 100)
	grow(t, dir, "z/f")
	defer allow(t, 50)()
	got := gather(t, &Walk{Root: dir, Workers: 1})
	if len(got.errors) == 0 {
		t.Fatal("no error was reported")
	}
	for _, err := range got.errors {
		if !errors.Is(err, unix.EMFILE) {
			t.Error(err)
		}
	}
	got.entry(t, "z/f") // the walk went on
	got.entry(t, "a/a/a/f")
}

// allow lets the process open so many files more, until it is undone.
func allow(t *testing.T, more int) (undo func()) {
	t.Helper()
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	few := limit
	few.Cur = uint64(handles(t) + more)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &few))
	return func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }
}

// TestWaitsForHandles walks more directories than may be open, with workers who
// only go on once the lister does not.
func TestWaitsForHandles(t *testing.T) {
	const n = 100
	dir := t.TempDir()
	for i := range n {
		grow(t, dir, fmt.Sprintf("%02d/f", i))
	}
	defer allow(t, 20)()
	synctest.Test(t, func(t *testing.T) {
		got := gather(t, &Walk{Root: dir, Work: func(context.Context, int, *Batch) error {
			time.Sleep(time.Second) // of the bubble's clock: until all others wait
			return nil
		}})
		wantNoErrors(t, got)
		if len(got.entries) != 1+2*n {
			t.Errorf("%d entries, want %d", len(got.entries), 1+2*n)
		}
	})
}

// TestWide walks more directories than may be open at a time.
func TestWide(t *testing.T) {
	dir := t.TempDir()
	for i := range 500 {
		must(t, os.Mkdir(fmt.Sprintf("%s/%03d", dir, i), 0o755))
	}
	before := handles(t)
	var most atomic.Int64
	got := gather(t, &Walk{Root: dir, Work: func(context.Context, int, *Batch) error {
		most.Store(max(most.Load(), int64(handles(t))))
		return nil
	}})
	wantNoErrors(t, got)
	if len(got.entries) != 501 {
		t.Errorf("%d entries, want 501", len(got.entries))
	}
	if bound := before + 2*lookahead; int(most.Load()) > bound {
		t.Errorf("%d handles were open, want at most %d", most.Load(), bound)
	}
}
