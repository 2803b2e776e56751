package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "root")
	r, err := Create(dir)
	must(t, err)
	r.Close()
	left, err := os.ReadDir(filepath.Join(dir, internal))
	must(t, err)
	if len(left) != 2 || left[0].Name() != locks || left[1].Name() != reserve {
		t.Errorf("the probe has left %v", left)
	}
	again, err := Create(dir)
	must(t, err)
	again.Close()
}

func TestOpen(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	if _, err := Open(filepath.Join(base, "missing")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a root that is missing: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(base, "file"), nil, 0o644))
	if _, err := Open(filepath.Join(base, "file")); err == nil {
		t.Error("a file was opened as a root")
	}
	if err := os.Symlink(base, filepath.Join(base, "link")); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	r, err := Open(filepath.Join(base, "link"))
	must(t, err)
	defer r.Close()
	if r.Path != base {
		t.Errorf("the path is %q, want %q", r.Path, base)
	}
	if _, err := os.Lstat(filepath.Join(base, internal)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open has written: %v", err)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"documents", "a b", "ü", "a.b", "-x", "a\nb", "latest"} {
		if runtime.GOOS == "windows" && checkWindowsName(name) != nil {
			continue
		}
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", ".phlb", "a/b", "/", `a\b`, "a\x00"} {
		if err := CheckName(name); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestListing(t *testing.T) {
	r := newRoot(t)
	if refs, err := r.Sealed("docs"); err != nil || refs != nil {
		t.Errorf("of a name that is not there: %v, %v", refs, err)
	}
	snapshot(t, r, "2")
	snapshot(t, r, "1")
	cutOff(t, r, "3", 10)
	at := func(path string) string { return filepath.Join(r.Path, path) }
	for _, path := range []string{"docs/tree", "docs/.hidden", "lost+found", "other", ".trash"} {
		must(t, os.Mkdir(at(path), 0o755))
	}
	// What lies about makes no snapshot.
	must(t, os.WriteFile(at("docs/4.sha256.gz"), nil, 0o644))
	must(t, os.WriteFile(at("docs/file"), nil, 0o644))
	must(t, os.WriteFile(at("file"), nil, 0o644))

	names, err := r.Names()
	if want := []string{"docs", "other"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("names %q, %v; want %q", names, err, want)
	}
	refs, err := r.Sealed("docs")
	if want := []Ref{{"docs", "1"}, {"docs", "2"}}; err != nil || !slices.Equal(refs, want) {
		t.Errorf("sealed %v, %v; want %v", refs, err, want)
	}
	refs, err = r.Adoptable("docs")
	if want := []Ref{{"docs", "tree"}}; err != nil || !slices.Equal(refs, want) {
		t.Errorf("adoptable %v, %v; want %v", refs, err, want)
	}

	d, err := r.OpenSnapshot(Ref{"docs", "1"})
	must(t, err)
	d.Close()
	f, err := r.OpenManifest(Ref{"docs", "1"})
	must(t, err)
	f.Close()
	if _, err := r.OpenSnapshot(Ref{"docs", "9"}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "docs/9") {
		t.Errorf("a snapshot that is not there: %v", err)
	}
	if _, err := r.OpenSnapshot(Ref{"..", "x"}); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a way out of the root: %v", err)
	}
}
