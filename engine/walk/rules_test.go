package walk

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"phlb/engine/manifest"
)

func TestSkip(t *testing.T) {
	tree := []string{"a/b/c/x.tmp", "a/b/keep", "a/x", "cache/f", "deep/cache/f", "x", "x.tmp", "y/b"}
	all := []string{".", "x", "x.tmp", "a", "a/x", "a/b", "a/b/keep", "a/b/c", "a/b/c/x.tmp", "cache", "cache/f", "deep", "deep/cache", "deep/cache/f", "y", "y/b"}
	for _, test := range []struct {
		dirs, skip []string
		left       string // what is left out, with all below it
		skipped    int
	}{
		{skip: []string{"x"}, left: "x a/x", skipped: 2},
		{dirs: []string{"x"}}, // files are none of its business
		{dirs: []string{"cache"}, left: "cache deep/cache", skipped: 2},
		{dirs: []string{"cache/"}, left: "cache deep/cache", skipped: 2},
		{skip: []string{"cache"}, left: "cache deep/cache", skipped: 2},
		{dirs: []string{"/cache"}, left: "cache", skipped: 1},
		{dirs: []string{"c*"}, left: "a/b/c cache deep/cache", skipped: 3},
		{skip: []string{"*.tmp"}, left: "x.tmp a/b/c/x.tmp", skipped: 2},
		{skip: []string{"x.tm?"}, left: "x.tmp a/b/c/x.tmp", skipped: 2},
		{skip: []string{"[xk]*"}, left: "x x.tmp a/x a/b/c/x.tmp a/b/keep", skipped: 5},
		{skip: []string{"{x,keep}"}, left: "x a/x a/b/keep", skipped: 3},
		{skip: []string{"a/*"}, left: "a/x a/b", skipped: 2},
		{skip: []string{"a/**"}, left: "a/x a/b", skipped: 2}, // a itself stays
		{skip: []string{"**/x.tmp"}, left: "x.tmp a/b/c/x.tmp", skipped: 2},
		{skip: []string{"a/**/x.tmp"}, left: "a/b/c/x.tmp", skipped: 1},
		{skip: []string{"a/**/b"}, left: "a/b", skipped: 1},
		{skip: []string{"**/b/**"}, left: "a/b/keep a/b/c", skipped: 2},
		{dirs: []string{"*/b"}, left: "a/b", skipped: 1},
		{skip: []string{"/x"}, left: "x", skipped: 1},
		{skip: []string{"./a/x"}, left: "a/x", skipped: 1},
		{dirs: []string{"*"}, left: "a cache deep y", skipped: 4},
	} {
		name := strings.Join(append(test.dirs, test.skip...), " ")
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			grow(t, dir, tree...)
			got := gather(t, &Walk{Root: dir, Rules: Rules{SkipDirs: test.dirs, Skip: test.skip}})
			wantNoErrors(t, got)
			if got.skipped != test.skipped {
				t.Errorf("%d were skipped, want %d", got.skipped, test.skipped)
			}
			want := slices.DeleteFunc(slices.Clone(all), func(path string) bool {
				return slices.ContainsFunc(strings.Fields(test.left), func(out string) bool {
					return path == out || strings.HasPrefix(path, out+"/")
				})
			})
			wantPaths(t, got, want...)
		})
	}
}

func TestSkipOddNames(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "\xff.tmp", "a\nb.tmp", "-f.tmp", "keep\xfe", "*", "[")
	got := gather(t, &Walk{Root: dir, Rules: Rules{Skip: []string{"*.tmp", `\*`, `\[`}}})
	wantPaths(t, got, ".", "keep\xfe")
}

func TestCheckNamesThePattern(t *testing.T) {
	for _, test := range []struct {
		rules  Rules
		option string
		text   string
	}{
		{Rules{Skip: []string{"ok", "a[b"}}, "skip:", `"a[b"`},
		{Rules{SkipDirs: []string{"{a,b"}}, "skip_dirs:", `"{a,b"`},
		{Rules{Skip: []string{""}}, "skip:", `""`},
		{Rules{SkipDirs: []string{"/"}}, "skip_dirs:", `"/"`},
	} {
		err := test.rules.Check()
		if err == nil || !strings.HasPrefix(err.Error(), test.option) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%+v: %v", test.rules, err)
		}
		if _, walked := tryGather(t, &Walk{Root: t.TempDir(), Rules: test.rules}); walked == nil {
			t.Errorf("%+v: the walk went on", test.rules)
		}
	}
	if err := (&Rules{Skip: []string{"*.o", "**/x", "a/{b,c}"}, SkipDirs: []string{".git"}}).Check(); err != nil {
		t.Error(err)
	}
}

func TestWhere(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "big", "d/big", "d/small", "e/")
	must(t, os.Symlink("big", filepath.Join(dir, "link")))
	var calls atomic.Int32
	got := gather(t, &Walk{Root: dir, Rules: Rules{Where: func(_ int, e *Entry) (bool, error) {
		calls.Add(1)
		if e.Kind == manifest.Dir {
			t.Errorf("called for the directory %s", e.Path)
		}
		return e.Name() != "big", nil
	}}})
	wantPaths(t, got, ".", "link", "d", "d/small", "e")
	if calls.Load() != 4 || got.skipped != 2 {
		t.Errorf("%d calls, %d skipped", calls.Load(), got.skipped)
	}

	broken := errors.New("broken")
	_, err := tryGather(t, &Walk{Root: dir, Rules: Rules{Where: func(_ int, e *Entry) (bool, error) {
		if e.Path == "d/small" {
			return false, broken
		}
		return true, nil
	}}})
	if err != broken {
		t.Errorf("an error of Where gave %v", err)
	}
}

func TestExclude(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "a/f", "root/f", "root/d/f", "z/f")
	d, err := OpenRoot(filepath.Join(dir, "root"))
	must(t, err)
	defer d.Close()
	e, err := d.Stat()
	must(t, err)
	got := gather(t, &Walk{Root: dir, Rules: Rules{Exclude: []ID{e.ID()}}})
	wantPaths(t, got, ".", "a", "a/f", "z", "z/f")
	wantNoErrors(t, got)
}

func TestNamesLeft(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "a.o", "b/a.o", "b/x", "build/deep/x", "held/.nobackup", "held/d/x", "held/y", "large", "no")
	write(t, dir, "large", "12345", "held/.nobackup", "")
	rules := Rules{
		SkipDirs: []string{"build"}, Skip: []string{"*.o"}, IfPresent: []string{".nobackup"}, MaxSize: 4,
		Where: func(_ int, e *Entry) (bool, error) { return e.Path != "no", nil },
	}
	got := gather(t, &Walk{Root: dir, Rules: rules}).left
	slices.SortFunc(got, func(a, b Left) int { return strings.Compare(a.Path, b.Path) })
	want := []Left{
		{"a.o", "*.o"}, {"b/a.o", "*.o"}, {"build/", "build"}, {"held/d/", ".nobackup"}, {"held/y", ".nobackup"},
		{"large", "max_size"}, {"no", "where"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("left out are %v, want %v", got, want)
	}
	w := &Walk{Root: dir, Rules: rules}
	must(t, w.Run(t.Context(), func(b *Batch) error {
		if len(b.Left) > 0 {
			t.Errorf("nobody wants to know of %v", b.Left)
		}
		return nil
	}))
}
