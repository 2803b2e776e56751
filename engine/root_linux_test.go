package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/testenv"
)

// A root that is read-only can be verified all the same, and it is said that this
// could not be noted. It can be thinned out where no snapshot is too much, and there
// is nothing to say about that.
func TestVerifyReadOnly(t *testing.T) {
	t.Parallel()
	at := mount(t, "tmpfs", 8)
	r := newRepo(t)
	r.root = filepath.Join(at, "root")
	r.config = settings(r.root)
	r.write("a", "content")
	s := r.backup()
	r.must(unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	defer unix.Mount("", at, "", unix.MS_REMOUNT, "")
	r.log.take()
	r.wantProblems(r.verify(s, all))
	if said := r.log.take(); !strings.Contains(said, "level=WARN msg=\"that this snapshot was verified could not be noted\"") || strings.Count(said, "\n") != 1 || strings.Contains(said, "/proc/self") {
		t.Errorf("said %q", said)
	}
	if _, err := r.try(engine.Source{Root: r.in("nothing")}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error is %v", err)
	}
	if removal, err := r.engine().Remove(t.Context()); err != nil || len(removal.Snapshots) > 0 {
		t.Errorf("nothing is to be removed: %+v, %v", removal, err)
	}
	if _, err := r.engine().Remove(t.Context(), s); err == nil {
		t.Error("a snapshot was removed")
	}
	if said := r.log.take(); said != "" {
		t.Errorf("said %q", said)
	}
	r.answers(verified)
}

// Where the folder of phlb alone is read-only, the error names the root, and says what
// to do.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	testenv.Root(t)
	r := newRepo(t)
	r.write("a", "content")
	first := r.backup()
	r.backup()
	ours := filepath.Join(r.root, ".phlb")
	if err := unix.Mount(ours, ours, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("mount: %v", err)
	}
	defer testenv.Unmount(t, ours)
	r.must(unix.Mount("", ours, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	_, backup := r.try(engine.Source{})
	_, remove := r.engine().Remove(t.Context(), first)
	_, add := r.engine().Adopt(t.Context(), "")
	for _, err := range []error{backup, remove, add} {
		if err == nil || !strings.Contains(err.Error(), "backup root "+r.root+": ") || !strings.Contains(err.Error(), "read-only file system; mount it for writing") {
			t.Errorf("error is %v", err)
		}
	}
	r.check(first)
}

// A root without room can be read and verified all the same, also with a
// catalog of the first version: what is found must not be lost for it.
func TestFullRoot(t *testing.T) {
	t.Parallel()
	at := mount(t, "tmpfs", 8)
	r := newRepo(t)
	r.root = filepath.Join(at, "root")
	r.config = settings(r.root)
	for i := range 300 {
		r.write(fmt.Sprintf("d%d/f%d", i%7, i), fmt.Sprint(i))
	}
	s := r.backup()
	r.rot(filepath.Join(s.Path, "d3/f10"))
	old, err := os.ReadFile("catalog/testdata/version1.ql")
	r.must(err)
	for _, left := range []int64{0, 4 << 10, 32 << 10, 200 << 10, 300 << 10} {
		for _, name := range []string{"now", "before"} {
			t.Run(fmt.Sprint(left, " ", name), func(t *testing.T) {
				r := *r
				r.TB = t
				if name == "before" {
					r.must(os.WriteFile(r.config.Catalog, old, 0o600))
				}
				fill(t, at, left)
				r.wantProblems(r.verify(s, all), "content: d3/f10")
				if all := r.snapshots(); len(all) != 1 {
					t.Errorf("%d snapshots, want 1", len(all))
				}
				want := r.ask("SELECT path FROM versions WHERE kind = 'f'")
				slices.SortFunc(want, func(a, b string) int { return strings.Compare(b, a) })
				if len(want) != 300 {
					t.Errorf("%d files", len(want))
				}
				r.answers("SELECT path FROM versions WHERE kind = 'f' ORDER BY path", want...)
				if got := r.ask("SELECT digest FROM contents"); len(got) != 300 {
					t.Errorf("%d contents", len(got))
				}
			})
		}
	}
	r.wantProblems(r.verify(s, all), "content: d3/f10")
	if got := r.noted(); !slices.Contains(got, readManifest(t, s)["d3/f10"].Digest) {
		t.Errorf("the catalog knows of the damage %v", got)
	}
}

func TestVerifyReadOnlyRoot(t *testing.T) {
	t.Parallel()
	at := mount(t, "tmpfs", 8)
	r := newRepo(t)
	r.root = filepath.Join(at, "root")
	r.config = settings(r.root)
	r.write("a", "content", "b", "other")
	s := r.backup()
	r.rot(filepath.Join(s.Path, "a"))
	if out, err := exec.Command("mount", "-o", "remount,ro", at).CombinedOutput(); err != nil {
		t.Skipf("remount: %v: %s", err, out)
	}
	r.wantProblems(r.verify(s, all), "content: a", "catalog: .") // a later run may link to it
	r.wantProblems(r.verify(s, engine.Check{Sample: 1, Heal: true}), "content: a", "catalog: .", "unhealed: .")
}
