package handle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
	"phlb/engine/testenv"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openWriter(t *testing.T, path string) *Writer {
	t.Helper()
	d, err := OpenWriter(path)
	must(t, err)
	t.Cleanup(d.Close)
	return d
}

// TestMakeBesideOthers makes what is no file in a directory that others may write
// to.
func TestMakeBesideOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o777))
	d := openWriter(t, dir)
	e := &manifest.Entry{Kind: manifest.Symlink, Target: "nowhere", Mtime: manifest.Time{Sec: 1e9}}
	e.Permissions = manifest.Permissions{Mode: 0o777, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	must(t, d.Make("link", e))
	if made, err := d.Entry("link"); err != nil || made.Target != "nowhere" || made.Mtime != e.Mtime {
		t.Errorf("the link is %+v, %v", made, err)
	}
	if err := d.Make("link", e); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	must(t, d.ReplaceMade("file", e))
	if names, err := d.Names(); err != nil || strings.Join(names, " ") != "file link" {
		t.Errorf("the directory holds %q, %v", names, err)
	}
}

// TestMakeElsewhere makes what is no file in directories that others may or may not
// change: only in those of the second kind may it be made in its place.
func TestMakeElsewhere(t *testing.T) {
	t.Parallel()
	e := &manifest.Entry{Kind: manifest.Fifo}
	e.Permissions = manifest.Permissions{Mode: 0o600, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	for _, test := range []struct {
		name      string
		mode      fs.FileMode
		owner     int // 0 for who runs
		elsewhere bool
	}{
		{"Private", 0o755, 0, false},
		{"Group", 0o770, 0, true},
		{"Everybody", 0o702, 0, true},
		{"OfSomebody", 0o755, 1000, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, workshop := t.TempDir(), openWriter(t, t.TempDir())
			if test.owner != 0 {
				testenv.Root(t)
				must(t, os.Chown(dir, test.owner, test.owner))
			}
			must(t, os.Chmod(dir, test.mode))
			d := openWriter(t, dir)
			elsewhere := false
			d.Workshop = func() (*Writer, error) { elsewhere = true; return workshop, nil }
			must(t, d.Make("fifo", e))
			if elsewhere != test.elsewhere {
				t.Errorf("it was made elsewhere: %t, want %t", elsewhere, test.elsewhere)
			}
		})
	}
}

// TestTempName asks for names that others cannot know before.
func TestTempName(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for range 1000 {
		name := TempName()
		if known[name] || !IsTemp(name) {
			t.Fatalf("%s after %d others", name, len(known))
		}
		known[name] = true
	}
}

// TestCreatePlanted creates a file by a name that somebody has given to another.
func TestCreatePlanted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openWriter(t, dir)
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("of others"), 0o600))
	must(t, os.Symlink("file", filepath.Join(dir, "link")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	for _, name := range []string{"file", "link", "dangling"} {
		if f, err := d.Create(name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("create %s: %v, want %v", name, err, fs.ErrExist)
			if err == nil {
				f.Close()
			}
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(content) != "of others" {
		t.Errorf("the file holds %q, %v", content, err)
	}
}

func TestChmodOfALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openWriter(t, dir)
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	must(t, os.Symlink("file", filepath.Join(dir, "link")))
	if err := d.Allow("link"); err == nil {
		t.Error("a link was given a mode")
	}
	if i, err := d.Look("file"); err != nil || i.Mode != 0o600 {
		t.Errorf("the file has mode %o, %v", i.Mode, err)
	}
	must(t, d.Allow("file"))
	if i, err := d.Look("file"); err != nil || i.Mode != 0o700 {
		t.Errorf("the file has mode %o, %v", i.Mode, err)
	}
}

func TestOpenFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openWriter(t, dir)
	f, err := d.OpenFile("new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	must(t, err)
	must(t, f.Close())
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	must(t, os.Symlink("new", filepath.Join(dir, "link")))
	for name, want := range map[string]error{"fifo": ErrNotRegular, "link": unix.ELOOP, "none": fs.ErrNotExist} {
		if _, err := d.OpenFile(name, os.O_RDWR, 0); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func TestEnter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openWriter(t, dir)
	for range 2 {
		at, err := d.Enter("folder", 0o700)
		must(t, err)
		at.Close()
	}
	must(t, os.Symlink("folder", filepath.Join(dir, "link")))
	if _, err := d.Enter("link", 0o700); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("through a link: %v", err)
	}
}
