package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine"
)

// small is a file system that is soon full.
type small struct {
	kind    string
	options []string
	mount   string // options to mount a tmpfs with
	fill    func(t *testing.T, dir string)
}

var smalls = map[string]small{
	"blocks":          {kind: "ext4", options: []string{"-m", "0"}, fill: fillBlocks},
	"reserved blocks": {kind: "ext4", options: []string{"-m", "20"}, fill: fillToReserved},
	"inodes":          {kind: "ext4", options: []string{"-N", "250"}, fill: fillInodes},
	"tmpfs blocks":    {kind: "tmpfs", mount: "size=6m", fill: fillBlocks},
	"tmpfs inodes":    {kind: "tmpfs", mount: "size=16m,nr_inodes=250", fill: fillInodes},
}

func (s small) mountIt(t *testing.T) string {
	if s.kind != "tmpfs" {
		return mount(t, s.kind, 16, s.options...)
	}
	at := mount(t, s.kind, 16)
	if out, err := exec.Command("mount", "-o", "remount,"+s.mount, at).CombinedOutput(); err != nil {
		t.Skipf("mount: %v: %s", err, out)
	}
	return at
}

// fillBlocks writes until there is no room for a byte.
func fillBlocks(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if n, err := f.Write(make([]byte, size)); err != nil {
			size = min(size/2, max(n, size/2))
		}
	}
}

// fillToReserved writes until what is left is root's alone.
func fillToReserved(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		var s unix.Statfs_t
		if err := unix.Statfs(dir, &s); err != nil {
			t.Fatal(err)
		}
		if s.Bavail == 0 {
			return
		}
		if _, err := f.Write(make([]byte, min(int64(s.Bavail)*int64(s.Bsize), 1<<20))); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil { // else it is not counted yet
			t.Fatal(err)
		}
	}
}

// fillInodes makes files until there can be no more.
func fillInodes(t *testing.T, dir string) {
	t.Helper()
	for n := 0; ; n++ {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint("fill", n)))
		if errors.Is(err, unix.ENOSPC) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

// A root that is full to the last block or inode can be tidied up, what verify finds
// there is noted, and trees are adopted.
func TestTidyFullRoot(t *testing.T) {
	t.Parallel()
	for name, small := range smalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			at := small.mountIt(t)
			r.root = filepath.Join(at, "root")
			r.config = settings(r.root)
			r.write("a", "content", "d/b", "other content")
			var all []*engine.Snapshot
			for n := range 3 {
				r.write("d/new", fmt.Sprint("content ", n))
				all = append(all, r.backup())
			}
			r.must(os.CopyFS(filepath.Join(r.root, "foreign", "tree"), os.DirFS(r.source)))
			r.rot(filepath.Join(all[2].Path, "a"))
			small.fill(t, at)
			ctx := context.Background()

			report, err := r.engine().Verify(ctx, all[2], engine.Check{Sample: 1})
			r.must(err)
			r.wantProblems(report, "content: a")
			r.answers("SELECT path FROM damage", "a")
			report, err = r.engine().Adopt(ctx, "")
			r.must(err)
			r.wantProblems(report)
			if len(report.Added) != 1 || report.Added[0].Name != "foreign" {
				t.Errorf("added %v", report.Added)
			}
			removal, err := r.engine().Remove(ctx, all[0])
			r.must(err)
			if removal.Files != 1 {
				t.Errorf("removed %v", removal)
			}
			for _, fill := range r.glob(at, "fill*") {
				r.must(os.Remove(fill))
			}
			r.answers("SELECT path FROM damage", "a")
			r.write("again", "content")
			last := r.backup()
			r.together(false, filepath.Join(last.Path, "a"), filepath.Join(all[2].Path, "a"))
			r.together(false, filepath.Join(last.Path, "again"), filepath.Join(all[2].Path, "a"))
		})
	}
}

// A root that is full to the last block, and has lost what it keeps in reserve, can
// be tidied up all the same.
func TestRemoveWithoutReserve(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"blocks", "reserved blocks", "tmpfs blocks"} {
		small := smalls[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			at := small.mountIt(t)
			r.root = filepath.Join(at, "root")
			r.config = settings(r.root)
			r.level = slog.LevelWarn
			var all []*engine.Snapshot
			for n := range 2 {
				r.write("a", strings.Repeat(fmt.Sprint(n), 1<<20))
				all = append(all, r.backup())
			}
			r.log.take()
			small.fill(t, at)
			r.must(os.RemoveAll(filepath.Join(r.root, ".phlb/reserve")))
			r.must(os.Rename(filepath.Join(at, "fill"), filepath.Join(at, "filled")))
			small.fill(t, at)
			removal, err := r.engine().Remove(context.Background(), all[0])
			r.must(err)
			if removal.Files != 1 {
				t.Errorf("removed %v", removal)
			}
			if got := r.log.take(); strings.Contains(got, "brought up to date") || strings.Contains(got, "not all is in order") {
				t.Errorf("it says\n%s", got)
			}
			if left := r.snapshots(); len(left) != 1 {
				t.Errorf("the root has %v", left)
			}
		})
	}
}

func (r *repo) glob(dir, pattern string) []string {
	r.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	r.must(err)
	return found
}

// What is full is said to be: a folder for temporary files is not the root.
func TestFullTempDir(t *testing.T) {
	temp := filepath.Join(mount(t, "tmpfs", 1), "tmp")
	r := newRepo(t)
	r.must(os.Mkdir(temp, 0o755))
	for n := range 2000 {
		r.write(fmt.Sprintf("%0200d", n), fmt.Sprint(n))
	}
	fillBlocks(t, temp)
	r.tick()
	t.Setenv("TMPDIR", temp)
	_, err := r.engine().Backup(context.Background(), engine.Source{Root: r.source})
	if err == nil || !strings.Contains(err.Error(), "no space left in "+temp+" after") {
		t.Errorf("error is %v", err)
	}
}
