package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/testenv"
)

// immutable makes a path one that nobody can change, and returns what undoes it.
func immutable(t testing.TB, path string) (undo func()) {
	t.Helper()
	testenv.Root(t)
	tool(t, "chattr")
	if out, err := exec.Command("chattr", "+i", path).CombinedOutput(); err != nil {
		t.Skipf("chattr: %v: %s", err, out)
	}
	undo = func() { exec.Command("chattr", "-i", path).Run() }
	t.Cleanup(undo)
	return undo
}

// A snapshot that cannot be taken away keeps no other from it: what is gone is
// gone from the catalog too, and latest is right.
func TestRemoveRefused(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.root = filepath.Join(mount(t, "ext4", 32), "root")
	r.config = settings(r.root)
	var all []*engine.Snapshot
	for i := range 4 {
		r.write("a", fmt.Sprint("content ", i))
		all = append(all, r.backup())
	}
	all[3].Errors = 1 // as the manifest will say: latest falls back
	r.rewriteSummary(all[3])
	undo := immutable(t, all[1].Path)
	removal, err := r.engine().Remove(context.Background(), all[0], all[1], all[3])
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), all[1].Ref().String()) || !strings.Contains(err.Error(), "removed all the same") {
		t.Errorf("error is %v", err)
	}
	if removal == nil || len(removal.Snapshots) != 2 || removal.Files != 2 {
		t.Fatalf("removed %+v", removal)
	}
	r.log.take()
	var left []string
	for _, s := range r.snapshots() {
		left = append(left, s.Stamp)
		r.check(s)
	}
	if len(left) != 2 || left[0] != all[2].Stamp || left[1] != all[1].Stamp {
		t.Errorf("left are %q", left)
	}
	if log := r.log.take(); log != "" {
		t.Errorf("the catalog was not told: %s", log)
	}
	if link, err := os.Readlink(filepath.Join(r.root, "source", "latest")); err != nil || link != all[2].Stamp {
		t.Errorf("latest is %q, %v", link, err)
	}
	undo()
	_, err = r.engine().Remove(context.Background(), all[1])
	r.must(err)
	r.check(all[2])
}

// A file that cannot be deleted keeps no other from it, and the next removal
// takes it up.
func TestRemoveImmutable(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.root = filepath.Join(mount(t, "ext4", 32), "root")
	r.config = settings(r.root)
	r.write("a", "1", "b", "2", "fixed/c", "3", "fixed/d", "4", "z/e", "5")
	first := r.backup()
	r.write("a", "1x", "b", "2x", "fixed/c", "3x", "fixed/d", "4x", "z/e", "5x")
	second, third := r.backup(), r.backup()
	fixed := immutable(t, filepath.Join(first.Path, "fixed"))
	one := immutable(t, filepath.Join(first.Path, "b"))
	removal, err := r.engine().Remove(context.Background(), first, second)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "the next removal tries again") || !strings.Contains(err.Error(), "more") {
		t.Errorf("error is %v", err)
	}
	if removal == nil || len(removal.Snapshots) != 2 || removal.Files != 2 {
		t.Fatalf("removed %+v", removal)
	}
	trash := filepath.Join(r.root, "source", ".removed-"+first.Stamp)
	for path, there := range map[string]bool{"a": false, "b": true, "fixed/c": true, "fixed/d": true, "z": false} {
		if _, err := os.Lstat(filepath.Join(trash, path)); (err == nil) != there {
			t.Errorf("%s: %v", path, err)
		}
	}
	if left := r.snapshots(); len(left) != 1 {
		t.Errorf("left are %v", left)
	}
	// The flag lies with the tree, wherever it is called by now.
	fixed()
	one()
	for _, path := range []string{"fixed", "b"} {
		exec.Command("chattr", "-i", filepath.Join(trash, path)).Run()
	}
	_, err = r.engine().Remove(context.Background())
	r.must(err)
	if _, err := os.Lstat(trash); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", trash, err)
	}
	r.check(third)
}

// The folder of a name may be a file system of its own.
func TestRemoveOtherFileSystem(t *testing.T) {
	t.Parallel()
	testenv.Root(t)
	r := newRepo(t)
	r.write("a", "1")
	r.backup()
	at := filepath.Join(r.root, "source")
	kept := t.TempDir()
	r.must(os.RemoveAll(at))
	r.must(os.Mkdir(at, 0o755))
	if err := unix.Mount(kept, at, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("mount: %v", err)
	}
	defer unix.Unmount(at, unix.MNT_DETACH)
	first, second := r.backup(), r.backup()
	_, err := r.engine().Remove(context.Background(), first)
	r.must(err)
	if left := r.snapshots(); len(left) != 1 {
		t.Errorf("left are %v", left)
	}
	r.check(second)
}

// An overlay does not move folders of its lower layer, unless it is told to: what to do
// is said, and then it is removed.
func TestRemoveFromOverlay(t *testing.T) {
	t.Parallel()
	at := mount(t, "tmpfs", 16)
	in := func(name string) string { return filepath.Join(at, name) }
	r := repoOn(t, in("merged"))
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		r.must(os.Mkdir(in(name), 0o755))
	}
	r.root = filepath.Join(in("lower"), "root")
	r.config = settings(r.root)
	first := r.backup()
	r.root = filepath.Join(in("merged"), "root")
	r.config = settings(r.root)
	layers := "lowerdir=" + in("lower") + ",upperdir=" + in("upper") + ",workdir=" + in("work") + ",index=off"
	remove := func(mode string) error {
		if err := unix.Mount("none", in("merged"), "overlay", 0, layers+",redirect_dir="+mode); err != nil {
			t.Skipf("overlay: %v", err)
		}
		defer testenv.Unmount(t, in("merged"))
		r.backup()
		s, err := r.engine().Snapshot(t.Context(), first.Ref().String())
		r.must(err)
		_, err = r.engine().Remove(t.Context(), s)
		return err
	}
	err := remove("off")
	if err == nil || !strings.Contains(err.Error(), "an overlay moves no folder of a lower layer: mount it with redirect_dir=on") {
		t.Errorf("error is %v", err)
	}
	r.must(remove("on"))
	if _, err := os.Lstat(first.Path); err != nil {
		t.Errorf("the lower layer was changed: %v", err)
	}
}

// bind mounts a folder with a file in it on another one, and returns that file.
func bind(t testing.TB, at string) (file string) {
	t.Helper()
	testenv.Root(t)
	file = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(precious), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(filepath.Dir(file), at, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(at, unix.MNT_DETACH) })
	return file
}

// What is mounted in a snapshot for a while is not deleted with it, be it of the same
// file system.
func TestRemoveMounted(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("sub/deep/a", "1", "sub/b", "2", "c", "3")
	first, second := r.backup(), r.backup()
	file := bind(t, filepath.Join(first.Path, "sub/deep"))
	_, err := r.engine().Remove(context.Background(), first)
	if err == nil || !strings.Contains(err.Error(), "sub/deep: something else is mounted there: unmount it") {
		t.Errorf("error is %v", err)
	}
	if left, err := os.ReadFile(file); err != nil || string(left) != precious {
		t.Errorf("what was mounted is %q, %v", left, err)
	}
	// A mount goes along with what it lies in.
	r.must(unix.Unmount(filepath.Join(r.root, "source", ".removed-"+first.Stamp, "sub/deep"), unix.MNT_DETACH))
	_, err = r.engine().Remove(context.Background())
	r.must(err)
	if left, err := filepath.Glob(filepath.Join(r.root, "source", ".*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left, %v", left, err)
	}
	r.check(second)
}

// Nor is what is mounted in the target of a restore that deletes what is too much.
func TestRestoreDeleteMounted(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	s := r.backup()
	r.must(os.MkdirAll(r.to("to/much/mounted"), 0o755))
	file := bind(t, r.to("to/much/mounted"))
	done := r.restore(s, engine.Restoration{To: r.to("to"), Delete: true})
	if !done.OK() || done.Deleted != 0 {
		t.Errorf("%d deleted, problems are %v", done.Deleted, done.Problems)
	}
	if left, err := os.ReadFile(file); err != nil || string(left) != precious {
		t.Errorf("what is mounted is %q, %v", left, err)
	}
}

// A symbolic link in the place of a name's folder is refused, whatever is to be
// done with it.
func TestLinkedFolder(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	old := r.backup()
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	r.must(os.Rename(filepath.Join(r.root, "source"), elsewhere))
	r.must(os.Symlink(elsewhere, filepath.Join(r.root, "source")))
	ctx := context.Background()
	for what, err := range map[string]error{
		"backup": func() error { _, err := r.try(engine.Source{}); return err }(),
		"dry":    func() error { _, err := r.dry().Backup(ctx, engine.Source{Root: r.source}); return err }(),
		"remove": func() error { _, err := r.engine().Remove(ctx, old); return err }(),
		"find":   func() error { _, err := r.engine().Snapshot(ctx, "source"); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), filepath.Join(r.root, "source")+" is a symbolic link") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if found, err := os.ReadDir(elsewhere); err != nil || len(found) != 4 {
		t.Errorf("behind the link lie %v, %v", found, err)
	}
}
