package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/testenv"
)

// TestRefused has entries that the root cannot hold, for the name, the size or
// the kind. All the others are sealed.
func TestRefused(t *testing.T) {
	t.Parallel()
	t.Run("LinkTarget", func(t *testing.T) {
		r := repoOn(t, mount(t, "xfs", 320))
		r.must(os.Symlink(strings.Repeat("x/", 900), r.in("odd")))
		r.refused(1, "odd: file name too long")
	})
	t.Run("Size", func(t *testing.T) {
		r := repoIn(t, mount(t, "tmpfs", 8), mount(t, "ext4", 64))
		r.write("odd", "")
		if err := os.Truncate(r.in("odd"), 20<<40); err != nil {
			t.Skipf("no such file can be made here: %v", err)
		}
		r.must(os.Link(r.in("odd"), r.in("odd name")))
		r.refused(2, "odd: file too large", "odd name: file too large")
	})
	t.Run("NTFS", func(t *testing.T) {
		r := repoOn(t, mountWith(t, "ntfs-3g", "ntfs", 32, []string{"-F", "-Q"}, "windows_names,permissions"))
		r.write("caf\xe9", "latin", "a:b", "1", "a:b c/x", "2", "large?", strings.Repeat("z", 1<<20), "copy of z:", "z")
		r.must(os.Symlink("a", r.in("link?")))
		r.refused(7, "caf\\xe9: invalid or incomplete multibyte or wide character", "a:b: invalid argument", "a:b c: invalid argument", "a:b c/x: its folder", "large?: invalid argument", "link?: invalid argument")
	})
	t.Run("Device", func(t *testing.T) {
		testenv.Root(t)
		tool(t, "strace")
		r := newRepo(t)
		r.write("a", "1")
		r.must(unix.Mknod(r.in("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(4000, 1000000))))
		a := runChild(t, order{Root: r.root, Source: r.source, Boot: r.boot, Under: []string{"strace", "-f", "-qq", "-o", filepath.Join(t.TempDir(), "trace"),
			"-e", "trace=mknodat", "-e", "inject=mknodat:error=EINVAL"}})
		if a.Err != "" || a.Snapshot.Errors != 1 || !strings.Contains(a.Log, "device: invalid argument") {
			t.Fatalf("%s: %s", a.Err, a.Log)
		}
		if e := readManifest(t, a.Snapshot)["device"]; !e.Absent {
			t.Errorf("the entry is %+v", e)
		}
		r.wantProblems(r.verify(a.Snapshot, all))
		to := r.in("to")
		if done := r.restore(a.Snapshot, engine.Restoration{To: to}); !done.OK() {
			t.Errorf("problems are %v", done.Problems)
		}
		var made unix.Stat_t
		if err := unix.Lstat(filepath.Join(to, "device"), &made); err != nil || made.Rdev != unix.Mkdev(4000, 1000000) {
			t.Errorf("device %x, %v", made.Rdev, err)
		}
	})
	t.Run("Encfs", func(t *testing.T) {
		tool(t, "encfs")
		testenv.Root(t)
		cipher, at := t.TempDir(), t.TempDir()
		command := exec.Command("encfs", "--standard", "--stdinpass", cipher, at)
		command.Stdin = strings.NewReader("secret\n")
		if out, err := command.CombinedOutput(); err != nil {
			t.Skipf("encfs: %v: %s", err, out)
		}
		t.Cleanup(func() { testenv.Unmount(t, at) })
		r := repoOn(t, at)
		r.now = time.Now // that of the run is that of the file system
		long := strings.Repeat("n", 250)
		r.write(long, "1", "dir "+long[4:]+"/x", "2")
		for round := range 2 {
			s, err := r.try(engine.Source{})
			r.must(err)
			time.Sleep(1100 * time.Millisecond) // the kernel remembers times for a second
			r.wantProblems(r.verify(s, all))    // the rename of a snapshot has changed times, and that is no damage
			if s.Errors != 3 || s.Files != 3 || round > 0 && s.New > 0 {
				t.Errorf("%d errors, %d files, %d new, want 3 of both, and none new in the second run", s.Errors, s.Files, s.New)
			}
		}
		r.logged(long+": file name too long", "/x: its folder")
	})
}

// repoOn returns a repo whose root lies on another file system than its source.
func repoOn(t testing.TB, at string) *repo { return repoIn(t, t.TempDir(), at) }

func repoIn(t testing.TB, source, at string) *repo {
	r := newRepoIn(t, source)
	r.root = filepath.Join(at, "root")
	r.config = settings(r.root)
	r.write("a", "text", "sub/z", "z", "sub/zz", "zz")
	return r
}

// refused backs up twice, and checks that the root cannot hold so many entries,
// and holds all that are not odd.
func (r *repo) refused(errors int64, words ...string) {
	r.Helper()
	for round := range 2 {
		s := r.backup()
		if s.Errors != errors || s.Complete() {
			r.Errorf("round %d: %d errors, want %d: %s", round, s.Errors, errors, r.log.take())
		}
		r.logged(append(words, "the backup root cannot hold it")...)
		recorded := int64(0)
		for path, e := range readManifest(r, s) {
			_, err := os.Lstat(r.in(path))
			r.must(err)
			if e.Absent {
				recorded++
			}
			if e.Absent && e.Digest != (manifest.Digest{}) {
				r.Errorf("%q is absent, and has a digest", path)
			}
		}
		if recorded != errors {
			r.Errorf("round %d: %d entries are recorded as absent, want %d", round, recorded, errors)
		}
		if round > 0 && s.New > 0 {
			r.Errorf("%d files are stored again: %v", s.New, s.Summary)
		}
		if out, err := sha256sum(r, s); err != nil {
			r.Errorf("sha256sum: %v\n%s", err, out)
		}
		report, err := r.engine().Verify(r.Context(), s, engine.Check{Sample: 1})
		r.must(err)
		if !report.OK() {
			r.Errorf("verify: %v", report.Problems)
		}
		if left := r.partials(); len(left) > 0 {
			r.Errorf("there are %q", left)
		}
	}
}
