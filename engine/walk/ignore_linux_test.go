package walk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"phlb/engine/testenv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestIgnoreFileUnreadable(t *testing.T) {
	if !testenv.AsUser(t) {
		return
	}
	dir := t.TempDir()
	grow(t, dir, "d/.ignore", "d/f", "closed/f")
	must(t, os.Chmod(filepath.Join(dir, "d/.ignore"), 0))
	closed := filepath.Join(dir, "closed")
	must(t, os.Chmod(closed, 0))
	t.Cleanup(func() { os.Chmod(closed, 0o700) })
	w := &Walk{Root: dir, Rules: Rules{IgnoreFiles: []string{".ignore"}}}
	got := gather(t, w)
	wantPaths(t, got, ".", "d", "d/.ignore", "d/f")
	if err := got.errorAt(t, "d/.ignore"); !errors.Is(err, fs.ErrPermission) || len(got.errors) != 2 {
		t.Errorf("errors: %v", got.errors)
	}
	v, err := w.Explain("d/f")
	must(t, err)
	if !v.Taken || len(v.Warnings) != 1 {
		t.Errorf("of what lies beside it: %s", verdict(v))
	}
	v, err = w.Explain("closed/f")
	must(t, err)
	if verdict(v) != "not taken, unreadable at closed/, 1 warnings" || !errors.Is(v.Warnings[0], fs.ErrPermission) {
		t.Errorf("of what lies in a closed directory: %s, %v", verdict(v), v.Warnings)
	}
}

// TestIgnorePipe would hang if the walk opened what is no file.
func TestIgnorePipe(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "d/f")
	for _, name := range []string{".ignore", cacheTag} {
		must(t, unix.Mkfifo(filepath.Join(dir, "d", name), 0o644))
	}
	got := gather(t, &Walk{Root: dir, Rules: Rules{IgnoreFiles: []string{".ignore"}, Tagged: true}})
	wantPaths(t, got, ".", "d", "d/.ignore", "d/CACHEDIR.TAG", "d/f")
}

func TestExplainMountPoint(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	grow(t, dir, "mnt/")
	testenv.Mount(t, "-t", "tmpfs", "-o", "size=1m", "none", filepath.Join(dir, "mnt"))
	grow(t, dir, "mnt/f")
	w := &Walk{Root: dir, Rules: Rules{OneFileSystem: true}}
	for path, want := range map[string]string{
		"mnt": "taken, mount point at mnt/", "mnt/f": "not taken, mount point at mnt/",
	} {
		if v, err := w.Explain(path); err != nil || verdict(v) != want {
			t.Errorf("%s: %s, %v", path, verdict(v), err)
		}
	}
}

// TestSwappedIgnoreFile opens what has taken the place of a file since it was looked at.
func TestSwappedIgnoreFile(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "dir"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o644))
	must(t, os.Symlink("file", filepath.Join(dir, "link")))
	d, err := OpenRoot(dir)
	must(t, err)
	defer d.Close()
	for name, want := range map[string]error{"file": nil, "fifo": errNotRegular, "dir": errNotRegular, "link": unix.ELOOP} {
		f, err := d.openRegular(name)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: error is %v, want %v", name, err, want)
		}
	}
}
