package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine/handle"
	"phlb/engine/manifest"
	"phlb/engine/testenv"
)

func TestDescend(t *testing.T) {
	r := newRoot(t)
	outside := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(r.Path, "a/b/c"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(r.Path, "a/out")))
	must(t, os.Symlink("b", filepath.Join(r.Path, "a/in")))
	must(t, os.WriteFile(filepath.Join(r.Path, "a/file"), nil, 0o644))
	for path, want := range map[string]error{
		".": nil, "a": nil, "a/b/c": nil,
		"a/out": unix.ENOTDIR, "a/in/c": unix.ENOTDIR, "a/file": unix.ENOTDIR, "a/none": fs.ErrNotExist,
		"": fs.ErrNotExist, "..": fs.ErrInvalid, "a/../../..": fs.ErrInvalid,
	} {
		before := openFiles(t)
		d, err := r.Dir().Descend(path)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", path, err, want)
		}
		if err == nil {
			d.Close()
		}
		if after := openFiles(t); after != before {
			t.Errorf("%q: %d handles were open before, %d after", path, before, after)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}

func TestRead(t *testing.T) {
	r := newRoot(t)
	p := begin(t, r, "1")
	put(t, p.Tree, "f", "content")
	must(t, p.Tree.Make("fifo", entry(manifest.Fifo, 0o644)))
	link := entry(manifest.Symlink, 0o777)
	link.Target = "f"
	must(t, p.Tree.Make("link", link))
	f, err := p.Tree.Read("f")
	must(t, err)
	if b, err := io.ReadAll(f); err != nil || string(b) != "content" {
		t.Errorf("read %q, %v", b, err)
	}
	must(t, f.Close())
	for name, want := range map[string]error{
		"fifo": handle.ErrNotRegular, ".": handle.ErrNotRegular, "link": unix.ELOOP, "none": fs.ErrNotExist,
	} {
		if _, err := p.Tree.Read(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func TestSkipLeavesHoles(t *testing.T) {
	const hole = 4 << 20
	r := newRoot(t)
	p := begin(t, r, "1")
	f, err := p.Tree.Create("f")
	must(t, err)
	must(t, f.Skip(hole))
	_, err = f.Write([]byte("middle"))
	must(t, err)
	must(t, f.Skip(2*hole))
	e := entry(manifest.File, 0o644)
	e.Size = 2 * hole
	must(t, f.Finish(e))
	must(t, f.Close())
	var st unix.Stat_t
	must(t, unix.Lstat(filepath.Join(pathOf(p), treeName, "f"), &st))
	if st.Size != 2*hole || st.Blocks*512 > hole {
		t.Errorf("%d bytes in %d blocks", st.Size, st.Blocks)
	}
	b, err := os.ReadFile(filepath.Join(pathOf(p), treeName, "f"))
	must(t, err)
	want := make([]byte, 2*hole)
	copy(want[hole:], "middle")
	if !slices.Equal(b, want) {
		t.Error("the content is another")
	}
}

func TestReplace(t *testing.T) {
	r := newRoot(t)
	one, two := snapshot(t, r, "1"), snapshot(t, r, "2")
	before := prints(t, r.SnapshotPath(one))
	from, err := r.OpenSnapshot(one)
	must(t, err)
	defer from.Close()
	to, err := r.OpenSnapshot(two)
	must(t, err)
	defer to.Close()
	// Whoever has the file open keeps what it was.
	open, err := to.Read("a")
	must(t, err)
	defer open.Close()
	for range 2 { // the second time both are one inode already
		must(t, to.Replace(from, "a", "a"))
		a, err := from.Look("a")
		must(t, err)
		b, err := to.Look("a")
		must(t, err)
		if a != b || a.Links != 2 {
			t.Errorf("%+v was not replaced by %+v", b, a)
		}
		names, err := to.Names()
		slices.Sort(names)
		if want := []string{"a", "d"}; err != nil || !slices.Equal(names, want) {
			t.Errorf("the directory holds %q, %v", names, err)
		}
	}
	if b, err := io.ReadAll(open); err != nil || string(b) != "content of a in 2" {
		t.Errorf("the old inode holds %q, %v", b, err)
	}
	if err := to.Replace(from, "none", "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("by a file that is not there: %v", err)
	}
	must(t, to.SetMtime(moment))
	wantMtime(t, r.SnapshotPath(two), moment)
	relinked := filepath.Join(r.SnapshotPath(one), "a")
	wantSame(t, before, prints(t, r.SnapshotPath(one)), relinked)

	// A new inode leaves the old one to its other names.
	e := entry(manifest.File, 0o600)
	must(t, to.ReplaceNew("a", e, func(f *File) error {
		_, err := f.Write([]byte("new"))
		return err
	}))
	wantMade(t, filepath.Join(r.SnapshotPath(two), "a"), e, 0o600)
	wantContent(t, filepath.Join(r.SnapshotPath(two), "a"), "new")
	broken := errors.New("broken")
	if err := to.ReplaceNew("a", e, func(*File) error { return broken }); err != broken {
		t.Errorf("a failing content: %v", err)
	}
	wantContent(t, filepath.Join(r.SnapshotPath(two), "a"), "new")
	if names, err := to.Names(); err != nil || len(names) != 2 {
		t.Errorf("the directory holds %q, %v", names, err)
	}
	wantSame(t, before, prints(t, r.SnapshotPath(one)), relinked)
}

// Names that are as long as they may be, and alike for most of that, are replaced
// at the same time.
func TestReplaceLongNames(t *testing.T) {
	const n = 400
	base := t.TempDir()
	d, err := OpenDir(base)
	must(t, err)
	defer d.Close()
	long := strings.Repeat("x", 250)
	for i := range n {
		must(t, os.WriteFile(filepath.Join(base, fmt.Sprint("from", i)), []byte(fmt.Sprint(i)), 0o644))
		must(t, os.WriteFile(filepath.Join(base, fmt.Sprint(long, i)), nil, 0o644))
	}
	var workers sync.WaitGroup
	for first := range 4 {
		workers.Go(func() {
			for i := first; i < n; i += 4 {
				if err := d.Replace(d, fmt.Sprint("from", i), fmt.Sprint(long, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	for i := range n {
		if got, err := os.ReadFile(filepath.Join(base, fmt.Sprint(long, i))); err != nil || string(got) != fmt.Sprint(i) {
			t.Errorf("file %d holds %q, %v", i, got, err)
		}
	}
}

func TestFull(t *testing.T) {
	dir := t.TempDir()
	testenv.Mount(t, "-t", "tmpfs", "-o", "size=1m", "none", dir)
	p := begin(t, rootAt(t, dir), "1")
	f, err := p.Tree.Create("f")
	must(t, err)
	defer f.Close()
	n, err := f.Write(make([]byte, 1<<20))
	if !IsFull(err) || n == 0 || n >= 1<<20 {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	if IsFull(nil) || IsFull(fs.ErrPermission) {
		t.Error("other errors say that there is no room left")
	}
}

func TestLinkLimit(t *testing.T) {
	for limit, mkfs := range map[int][]string{
		65000: {"mkfs.ext4", "-q", "-b", "4096"},
		0:     {"mkfs.btrfs", "-q", "--mixed"}, // by the length of the names
	} {
		t.Run(mkfs[0], func(t *testing.T) {
			if testing.Short() {
				t.Skip("makes many links")
			}
			r := loopMount(t, 128<<20, mkfs...)
			p := begin(t, r, "1")
			put(t, p.Tree, "f", "content")
			if limit == 0 {
				limit = 1 << 16
			}
			name := make([]byte, 0, 16)
			var err error
			n := 1
			for ; n <= limit && err == nil; n++ {
				name = append(append(name[:0], "link-"...), byte('a'+n>>12), byte('a'+n>>8&15), byte('a'+n>>4&15), byte('a'+n&15))
				err = p.Tree.Link(p.Tree, "f", string(name))
			}
			if !errors.Is(err, ErrLinkLimit) {
				t.Fatalf("after %d links: %v", n, err)
			}
			i, err := p.Tree.Look("f")
			must(t, err)
			if i.Links < 2 {
				t.Errorf("%d links", i.Links)
			}
			put(t, p.Tree, "anew", "content") // what callers do then
		})
	}
}

func TestLinkKeepsTheKind(t *testing.T) {
	r := newRoot(t)
	p := begin(t, r, "1")
	link := entry(manifest.Symlink, 0o777)
	link.Target = "f"
	must(t, p.Tree.Make("link", link))
	must(t, p.Tree.Make("fifo", entry(manifest.Fifo, 0o644)))
	for _, name := range []string{"link", "fifo"} {
		must(t, p.Tree.Link(p.Tree, name, name+"2"))
		a, err := p.Tree.Look(name)
		must(t, err)
		if b, err := p.Tree.Look(name + "2"); err != nil || a != b || b.Links != 2 {
			t.Errorf("%s: %+v became %+v, %v", name, a, b, err)
		}
	}
	if err := p.Tree.Link(p.Tree, "link", "fifo"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another: %v", err)
	}
}

func TestRemoveTree(t *testing.T) {
	if !testenv.AsUser(t) {
		return
	}
	dir := filepath.Join(t.TempDir(), "tree")
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "f"), nil, 0o444))
	must(t, os.Chmod(outside, 0o555))
	defer os.Chmod(outside, 0o700)
	before := prints(t, outside)
	must(t, os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "a/b/f"), nil, 0))
	must(t, os.Link(filepath.Join(outside, "f"), filepath.Join(dir, "a/b/shared")))
	must(t, os.Symlink(outside, filepath.Join(dir, "a/b/link")))
	for _, path := range []string{"a/b/c", "a/b", "a", "."} {
		must(t, os.Chmod(filepath.Join(dir, path), 0))
	}
	must(t, eraseAt(dir))
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the tree is still there: %v", err)
	}
	wantSame(t, before, prints(t, outside), filepath.Join(outside, "f"))
	must(t, eraseAt(dir))
}

func TestDeepTree(t *testing.T) {
	r := newRoot(t)
	p := begin(t, r, "1")
	_, err := p.Manifest.WriteString("got this far")
	must(t, err)
	d, err := p.Tree.Descend(".")
	must(t, err)
	const levels = 300 // paths of more bytes than a call takes
	for range levels {
		down, err := d.Mkdir("a directory of twenty")
		must(t, err)
		d.Close()
		d = down
	}
	d.Close()
	p.Close()
	p = begin(t, r, "2")
	if p.Previous == nil {
		t.Fatal("the tree was not taken over")
	}
	d, err = p.Previous.Tree.Descend(strings.Repeat("a directory of twenty/", levels-1) + "a directory of twenty")
	must(t, err)
	d.Close()
	fill(t, p, 1)
	wantWhole(t, r, sealIt(t, p)) // which sweeps it
	wantList(t, r, files("2")...)
}

// TestCloseTwice gives the number of a closed handle to another file.
func TestCloseTwice(t *testing.T) {
	r := newRoot(t)
	p := begin(t, r, "1")
	f, err := p.Tree.Create("f")
	must(t, err)
	must(t, f.Close())
	p.Close()
	var files []*os.File
	for range 8 {
		other, err := os.Open(r.Path)
		must(t, err)
		defer other.Close()
		files = append(files, other)
	}
	must(t, f.Close())
	p.Close()
	for _, other := range files {
		if _, err := other.Stat(); err != nil {
			t.Errorf("another file was closed: %v", err)
		}
	}
	if _, err := p.Tree.Self(); !errors.Is(err, unix.EBADF) {
		t.Errorf("a closed directory can be looked at: %v", err)
	}
}
