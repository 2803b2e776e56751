package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
)

// folding mounts a file system that takes names for one that differ in case only.
func folding(t testing.TB) string {
	t.Helper()
	return mountWith(t, "lowntfs-3g", "ntfs", 16, []string{"-F", "-Q", "-q"}, "loop,ignore_case")
}

// Names that a target takes for one keep their contents apart, however often the
// restore is run and whatever lies there before.
func TestRestoreFolds(t *testing.T) {
	t.Parallel()
	at := folding(t)
	r := newRepo(t)
	r.write("Makefile", "one", "makefile", "second", "sub/A/x", "1", "sub/a/x", "22", "sub/other", "3")
	r.must(os.Link(r.in("makefile"), r.in("hard")))
	s := r.backup()
	want := []string{"hard second", "makefile one", "makefile~1 second", "sub/a/x 1", "sub/a~1/x 22", "sub/other 3"}
	contents := func(to string) (found []string) {
		for path, n := range tree(t, to) {
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
		t.Run(test.name, func(t *testing.T) {
			to := filepath.Join(at, test.name)
			if test.before != "" {
				r.must(os.Mkdir(to, 0o755))
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
					t.Errorf("run %d: problems are %v", run, done.Problems)
				}
				got := contents(to)
				if !slices.Equal(got, want) {
					t.Errorf("run %d: the target holds %q, want %q", run, got, want)
				}
			}
		})
	}
}
