//go:build linux || windows

package engine_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
)

// Names that a target takes for one keep their contents apart, however often the
// restore is run and whatever lies there before. So do those of a tree that a system
// has made which tells them apart.
func TestRestoreFolds(t *testing.T) {
	t.Parallel()
	at := folding(t)
	files := []string{"Makefile", "one", "makefile", "second", "sub/A/x", "1", "sub/a/x", "22", "sub/other", "3"}
	t.Run("Source", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("the backup root takes names for one, too")
		}
		r := newRepo(t)
		r.writeApart(files...)
		r.must(os.Link(r.in("makefile"), r.in("hard")))
		r.restoreFolds(r.backup(), filepath.Join(at, "Source"))
	})
	t.Run("Tree", func(t *testing.T) {
		r := newRepo(t)
		r.source = filepath.Join(r.root, "source", "2001-02-03-040506")
		r.must(os.MkdirAll(r.source, 0o755))
		r.writeApart(files...)
		r.must(os.Link(r.in("makefile"), r.in("hard")))
		report := r.adopt("")
		r.wantAdded(report, "source/2001-02-03-040506")
		r.restoreFolds(report.Added[0], filepath.Join(at, "Tree"))
	})
}

// restoreFolds restores a snapshot to folders of a folder that takes names for one.
func (r *repo) restoreFolds(s *engine.Snapshot, at string) {
	r.Helper()
	want := []string{"hard second", "makefile one", "makefile~1 second", "sub/a/x 1", "sub/a~1/x 22", "sub/other 3"}
	contents := func(to string) (found []string) {
		for path, n := range tree(r, to) {
			if n.kind == 0 {
				data, err := os.ReadFile(filepath.Join(to, path))
				r.must(err)
				found = append(found, strings.ToLower(path)+" "+string(data)) // as some list them
			}
		}
		slices.Sort(found)
		return found
	}
	for _, test := range []struct {
		name   string
		before string // what lies there
		how    engine.Overwrite
		delete bool
	}{
		{"Fresh", "", engine.Never, false},
		{"Always", "makeFILE", engine.Always, false},
		{"AlwaysSame", "makefile", engine.Always, false},
		{"Delete", "extra", engine.Always, true},
	} {
		to := filepath.Join(at, test.name)
		if test.before != "" {
			r.must(os.MkdirAll(to, 0o755))
			r.must(os.WriteFile(filepath.Join(to, test.before), []byte("old"), 0o644))
		}
		for run := range 2 {
			done := r.restore(s, engine.Restoration{To: to, Overwrite: test.how, Delete: test.delete})
			var renamed []string
			for _, p := range done.Problems {
				if p.What == engine.Renamed {
					renamed = append(renamed, p.Path)
				}
			}
			if !slices.Equal(renamed, []string{"makefile", "sub/a"}) || done.OK() {
				r.Errorf("%s, run %d: problems are %v", test.name, run, done.Problems)
			}
			got := contents(to)
			if !slices.Equal(got, want) {
				r.Errorf("%s, run %d: the target holds %q, want %q", test.name, run, got, want)
			}
		}
	}
}
