package engine_test

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/xattr"

	"phlb/engine"
	"phlb/engine/manifest"
)

// TestFileSystems keeps what file systems can keep.
func TestFileSystems(t *testing.T) {
	t.Parallel()
	t.Run("here", func(t *testing.T) { testFileSystem(t, t.TempDir()) })
	for _, kind := range []string{"ext4", "xfs", "btrfs", "tmpfs"} {
		t.Run(kind, func(t *testing.T) { testFileSystem(t, mount(t, kind, 320)) })
	}
}

func testFileSystem(t *testing.T, dir string) {
	r := newRepoIn(t, dir)
	r.write("plain", "plain", "setuid", "program", "with xattr", "x", "d/f", "y", "acl", "z")
	r.must(os.Chmod(r.in("setuid"), 0o755|os.ModeSetuid|os.ModeSetgid))
	r.must(os.Chmod(r.in("d"), 0o777|os.ModeSticky))
	if os.Getuid() == 0 {
		r.must(os.Chown(r.in("setuid"), 12, 34))
		r.must(os.Chmod(r.in("setuid"), 0o755|os.ModeSetuid|os.ModeSetgid))
	}
	r.sparse("sparse", 64<<20, 1<<20, 32<<20)
	r.sparse("hole", 16<<20)
	r.sparse("small hole", 100<<10)
	r.must(os.Symlink("plain", r.in("link")))
	for _, path := range []string{"with xattr", "d"} {
		if err := xattr.Set(r.in(path), "user.note", []byte("binary \x00\xff\n")); err != nil {
			t.Logf("no user attributes here: %v", err)
		}
	}
	if _, err := exec.LookPath("setfacl"); err == nil {
		for _, args := range [][]string{
			{"-m", "u:12:rw,g:34:r", r.in("acl")}, {"-m", "u:12:rwx", r.in("d")}, {"-d", "-m", "u:13:rwx", r.in("d")},
		} {
			if out, err := exec.Command("setfacl", args...).CombinedOutput(); err != nil {
				t.Logf("no ACLs here: %s", out)
			}
		}
	}
	for path, mtime := range map[string]manifest.Time{
		"plain": {Sec: 1e9, Nsec: 123456789}, "setuid": {Sec: -1, Nsec: 999999999},
		"with xattr": {Sec: -2e9, Nsec: 5}, "d/f": {Sec: math.MaxInt32 + 10, Nsec: 1}, "link": {Sec: -3, Nsec: 7}, "d": {Sec: 77, Nsec: 88},
	} {
		r.setMtime(r.in(path), mtime)
	}
	first := r.backup()
	r.alike(first)
	for _, path := range []string{"sparse", "hole", "small hole"} {
		source, stored := lstat(t, r.in(path)), lstat(t, filepath.Join(first.Path, path))
		if stored.blocks > source.blocks+source.size/512/8 { // some allocate ahead
			t.Errorf("%s takes %d blocks, %d in the source", path, stored.blocks, source.blocks)
		}
	}
	second := r.backup()
	r.alike(second)
	r.counts(second, 8, 0, 0)
	if out, err := sha256sum(t, second); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

// sparse makes a file of that size, with some bytes at each offset.
func (r *repo) sparse(path string, size int64, offsets ...int64) {
	r.Helper()
	f, err := os.Create(r.in(path))
	r.must(err)
	defer f.Close()
	r.must(f.Truncate(size))
	for _, at := range offsets {
		_, err := f.WriteAt([]byte("data in the middle of nothing"), at)
		r.must(err)
	}
}

// TestDefaultACL has one on the root, and on the folder of the name: snapshots
// grant what the source does, and nobody more.
func TestDefaultACL(t *testing.T) {
	t.Parallel()
	tool(t, "setfacl")
	r := newRepo(t)
	r.write("a", "1", "sub/b", "2", "sub/large", strings.Repeat("x", 1<<20))
	r.must(os.MkdirAll(filepath.Join(r.root, "source"), 0o755))
	for _, dir := range []string{r.root, filepath.Join(r.root, "source")} {
		if out, err := exec.Command("setfacl", "-d", "-m", "u:12:rwx,g:34:rwx", dir).CombinedOutput(); err != nil {
			t.Skipf("setfacl: %s", out)
		}
	}
	r.alike(r.backup())
	r.write("sub/c", "3")
	r.alike(r.backup())
}

// TestOtherFileSystem backs up from one file system to another, whose inode
// numbers and devices say nothing of one another.
func TestOtherFileSystem(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.source = filepath.Join(mount(t, "tmpfs", 16), "source")
	r.write("a", "1", "b", "1", "c", strings.Repeat("2", 1<<20))
	r.must(os.Link(r.in("c"), r.in("d")))
	for run := range int64(2) {
		s, err := r.try(engine.Source{})
		r.must(err)
		r.check(s)
		r.alike(s)
		r.counts(s, 4*run, 2*(1-run), 2*(1-run))
	}
}

// TestFolderTimes has folders of times that the root cannot keep, or not as
// finely: the manifest says what the root made of them.
func TestFolderTimes(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{"far": nil, "coarse": {"-I", "128"}} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			r.source = filepath.Join(mount(t, "tmpfs", 16), "source")
			r.root = filepath.Join(mount(t, "ext4", 64, options...), "root")
			r.config = settings(r.root)
			r.write("d/future/a", "1", "d/past/b", "2")
			r.setMtime(r.in("d/future"), manifest.Time{Sec: 16725225600, Nsec: 1}) // the year 2500
			r.setMtime(r.in("d/past"), manifest.Time{Sec: -1 << 40})
			for range 2 {
				s := r.backup()
				r.alike(s)
				r.wantProblems(r.verify(s, engine.Check{Sample: 1}))
			}
			r.answers("SELECT path FROM versions WHERE until > 0") // all is as it was
		})
	}
}
