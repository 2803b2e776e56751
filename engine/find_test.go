package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

func TestFind(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a.txt", "1", "sub/a.txt", "other", "sub/b.md", "x", "gone.txt", "gone")
	first := r.backup()
	r.write("a.txt", "22")
	r.must(os.Remove(r.in("gone.txt")))
	second := r.backup()
	r.write("a.txt", "333")
	third := r.backup()
	_, err := r.try(engine.Source{Name: "other"})
	r.must(err)
	for _, tt := range []struct{ name, glob, of, want string }{
		{"Name", "*.txt", "source", `
a.txt 3 versions, 3 bytes, 1 to 3
gone.txt 1 versions, 4 bytes, 1 to 1
sub/a.txt 1 versions, 5 bytes, 1 to 3`},
		{"Path", "sub/*", "source", `
sub/a.txt 1 versions, 5 bytes, 1 to 3
sub/b.md 1 versions, 1 bytes, 1 to 3`},
		{"AllNames", "b.md", "", `
sub/b.md 1 versions, 1 bytes, 0 to 0
sub/b.md 1 versions, 1 bytes, 1 to 3`},
		{"Everything", "*", "other", `
a.txt 1 versions, 3 bytes, 0 to 0
sub 1 versions, 0 bytes, 0 to 0
sub/a.txt 1 versions, 5 bytes, 0 to 0
sub/b.md 1 versions, 1 bytes, 0 to 0`},
		{"Nothing", "*.iso", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			number := map[string]int{first.Stamp: 1, second.Stamp: 2, third.Stamp: 3} // 0: of another name
			all, err := r.engine().Find(context.Background(), tt.glob, tt.of)
			r.must(err)
			var got strings.Builder
			for _, f := range all {
				if f.Kind == manifest.Dir {
					f.Size = 0
				}
				fmt.Fprintf(&got, "\n%s %d versions, %d bytes, %d to %d", f.Path, f.Versions, f.Size, number[f.First.Stamp], number[f.Last.Stamp])
			}
			if got.String() != tt.want {
				t.Errorf("found%s\nwant%s", &got, tt.want)
			}
		})
	}
	if _, err := r.engine().Find(context.Background(), "[", ""); err == nil || !strings.Contains(err.Error(), `find: pattern "["`) {
		t.Errorf("error %v", err)
	}
}

// An absolute path is one of the source of each name, and of no other name.
func TestVersionsOfAbsolutePath(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "outer", "sub/a", "inner")
	outer := r.backup()
	inner, err := r.try(engine.Source{Root: r.in("sub")})
	r.must(err)
	link := filepath.Join(r.TempDir(), "link")
	r.must(os.Symlink(r.in("sub"), link))
	for _, tt := range []struct {
		name, path, want string
	}{
		{"Source", r.in("a"), "[source/a]"},
		{"SourceOfTwo", r.in("sub/a"), "[source/sub/a sub/a]"},
		{"Symlink", filepath.Join(link, "a"), "[source/sub/a sub/a]"},
		{"Snapshot", filepath.Join(outer.Path, "sub/a"), "[source/sub/a]"},
		{"Latest", filepath.Join(filepath.Dir(inner.Path), "latest/a"), "[sub/a]"},
		{"Relative", "a", "[source/a sub/a]"},
		{"Elsewhere", "/nowhere/a", "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := []string{}
			for v, err := range r.engine().Versions(context.Background(), tt.path, "") {
				r.must(err)
				got = append(got, v.Snapshots[0].Name+"/"+v.Path)
			}
			slices.Sort(got)
			if fmt.Sprint(got) != tt.want {
				t.Errorf("versions of %v, want %s", got, tt.want)
			}
		})
	}
}
