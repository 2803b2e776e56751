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

func TestUnreadable(t *testing.T) {
	if !testenv.AsUser(t) {
		return
	}
	dir := t.TempDir()
	grow(t, dir, "a/f", "closed/f", "listed/d/f", "listed/f", "z/closed/f", "z/f", "secret")
	must(t, os.Chmod(filepath.Join(dir, "secret"), 0))
	for name, mode := range map[string]os.FileMode{"closed": 0, "listed": 0o600, "z/closed": 0o300} {
		name = filepath.Join(dir, name)
		must(t, os.Chmod(name, mode))
		t.Cleanup(func() { os.Chmod(name, 0o700) })
	}
	got := gather(t, &Walk{Root: dir})
	// To look at a file takes no right to read it.
	wantPaths(t, got, ".", "secret", "a", "a/f", "listed", "z", "z/f")
	for _, path := range []string{"closed", "listed/f", "listed/d", "z/closed"} {
		if err := got.errorAt(t, path); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if len(got.errors) != 4 {
		t.Errorf("errors: %v", got.errors)
	}
	d, err := OpenRoot(dir)
	must(t, err)
	defer d.Close()
	if _, err := d.File("secret"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("File of what is unreadable: %v", err)
	}

	// What is left out is not missed.
	got = gather(t, &Walk{Root: dir, Rules: Rules{SkipDirs: []string{"closed", "listed"}}})
	wantNoErrors(t, got)
	wantPaths(t, got, ".", "secret", "a", "a/f", "z", "z/f")
}

// TestSkippedIsNotOpened watches a skipped directory, and one that is not.
func TestSkippedIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "in/f", "out/f", "out/d/f")
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	must(t, err)
	defer unix.Close(watch)
	opened := func(name string, rules Rules) bool {
		id, err := unix.InotifyAddWatch(watch, filepath.Join(dir, name), unix.IN_OPEN|unix.IN_ACCESS)
		must(t, err)
		gather(t, &Walk{Root: dir, Rules: rules})
		_, err = unix.Read(watch, make([]byte, 4096))
		if _, err := unix.InotifyRmWatch(watch, uint32(id)); err != nil {
			t.Fatal(err)
		}
		for { // also what tells that the watch is gone
			if _, err := unix.Read(watch, make([]byte, 4096)); err != nil {
				break
			}
		}
		return err == nil
	}
	for _, rules := range []Rules{
		{SkipDirs: []string{"out"}}, {Skip: []string{"o*"}}, {SkipDirs: []string{"**/out"}},
		{Ordered: []Rule{{Text: "/out/"}, {Text: "!out/f"}}}, {Ordered: []Rule{{Text: "o*", Beside: "in"}}},
	} {
		if !opened("in", rules) {
			t.Fatal("the watch does not tell what is opened")
		}
		if opened("out", rules) {
			t.Errorf("%+v: a skipped directory was opened", rules)
		}
	}
	if opened("out/d", Rules{IfPresent: []string{"f"}}) {
		t.Error("a directory in a marked one was opened")
	}
}

// TestVanishing takes things away between the listing and the look.
func TestVanishing(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "a", "file", "grown", "keep/f", "sub/", "shrunk/", "z")
	at := func(name string) string { return filepath.Join(dir, name) }
	w := &Walk{Root: dir, Prepare: func(b *Batch) error {
		if b.Path == "." && b.First {
			must(t, os.Remove(at("file")))
			must(t, os.Remove(at("grown")))
			must(t, os.Mkdir(at("grown"), 0o755))
			must(t, os.Remove(at("sub")))
			must(t, os.Remove(at("shrunk")))
			must(t, os.WriteFile(at("shrunk"), nil, 0o644))
		}
		return nil
	}}
	got := gather(t, w)
	wantPaths(t, got, ".", "a", "z", "keep", "keep/f")
	for path, want := range map[string]error{
		"file": fs.ErrNotExist, "sub": fs.ErrNotExist, "grown": errBecameDir, "shrunk": unix.ENOTDIR,
	} {
		if err := got.errorAt(t, path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if len(got.errors) != 4 {
		t.Errorf("errors: %v", got.errors)
	}
}

// TestVanishedDirectory removes a directory that is open already.
func TestVanishedDirectory(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "d/f", "z")
	got := gather(t, &Walk{Root: dir, Prepare: func(b *Batch) error {
		if b.Path == "d" {
			must(t, os.RemoveAll(filepath.Join(dir, "d")))
		}
		return nil
	}})
	wantPaths(t, got, ".", "z", "d")
	if err := got.errorAt(t, "d/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestSwappedSymlink puts links that lead out of the tree in the place of
// directories, before they are opened and after.
func TestSwappedSymlink(t *testing.T) {
	outside := t.TempDir()
	grow(t, outside, "secret", "f")
	dir := t.TempDir()
	grow(t, dir, "before/f", "during/f")
	swap := func(name string) {
		name = filepath.Join(dir, name)
		must(t, os.Rename(name, name+".away"))
		must(t, os.Symlink(outside, name))
	}
	got := gather(t, &Walk{Root: dir, Prepare: func(b *Batch) error {
		switch b.Path {
		case ".":
			swap("before")
		case "during":
			swap("during")
		}
		return nil
	}})
	wantPaths(t, got, ".", "during", "during/f")
	if err := got.errorAt(t, "before"); !errors.Is(err, unix.ENOTDIR) {
		t.Error(err)
	}
	info, err := os.Stat(filepath.Join(dir, "during.away/f"))
	must(t, err)
	if e := got.entry(t, "during/f"); e.Size != info.Size() {
		t.Errorf("during/f has %d bytes, not those %d of the directory that was opened", e.Size, info.Size())
	}
}

// errorAt returns the error that was reported of path.
func (s *seen) errorAt(t tb, path string) error {
	t.Helper()
	for _, err := range s.errors {
		if p, ok := errors.AsType[*fs.PathError](err); ok && p.Path == path {
			return err
		}
	}
	t.Fatalf("no error at %q, only %v", path, s.errors)
	return nil
}
