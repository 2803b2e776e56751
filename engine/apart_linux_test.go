package engine_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// caseless mounts a file system whose folder "root" takes names for one that differ in
// case, or in the encoding of a letter.
func caseless(t testing.TB) string {
	at := mount(t, "ext4", 64, "-O", "casefold")
	root := filepath.Join(at, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	tool(t, "chattr")
	if out, err := exec.Command("chattr", "+F", root).CombinedOutput(); err != nil {
		t.Skipf("chattr +F: %s", out)
	}
	return at
}

// writeFolded writes what a root that folds names takes for one, and returns the paths
// that are stored under another name, with that.
func (r *repo) writeFolded() map[string]string {
	large := strings.Repeat("z", 3<<20)
	long := strings.Repeat("n", 254)
	r.write("ODD/x", "1", "odd/x", "2", "odd/X", "22", "odd/y/Z", "3", "odd/y/z", "33", "A", "4", "L", large+"L", "l", large+"l",
		"Makefile", "one", "MAKEFILE", "two", "makefile", "three", "makefile~1", "four", "Makefile.am", "am",
		"B", "", "b/in", "a folder beside a file", long+"E", "long 1", long+"e", "long 2")
	r.must(os.Symlink("A", r.in("S")))
	r.must(os.Symlink("L", r.in("s")))
	r.must(os.Link(r.in("makefile"), r.in("odd/hard")))
	r.must(os.Link(r.in("odd/X"), r.in("ODD/hard")))
	return map[string]string{
		"odd": "odd~1", "odd/x": "odd~1/x~1", "odd/y/z": "odd~1/y/z~1", "a": "a~1", "l": "l~1", "s": "s~1", "b": "b~1",
		"Makefile": "Makefile~2", "makefile": "makefile~3", long + "e": long[:253] + "~1",
	}
}

// TestApart backs up names that the root takes for one.
func TestApart(t *testing.T) {
	t.Parallel()
	r := repoOn(t, caseless(t))
	apart := r.writeFolded()
	r.write("sub/\u00e9", "a letter", "sub/e\u0301", "the same letter")
	apart["sub/\u00e9"] = "sub/\u00e9~1"
	_, err := r.try(engine.Source{Name: "other", Rules: walk.Rules{Skip: []string{"*"}}}) // makes the root
	r.must(err)
	planned, err := r.dry().Backup(context.Background(), engine.Source{Root: r.source})
	r.must(err)
	var first *engine.Snapshot
	for round := range 3 {
		if round == 2 { // the catalog is made anew, and so the parent is not what the run before has left
			r.must(os.RemoveAll(r.config.Catalog))
		}
		s := r.backup()
		r.logged("takes its name for that of another: stored as odd~1", "store odd/x: ", "store odd/y/z: ", "store makefile: ")
		if s.Errors != int64(len(apart)) || s.Complete() {
			t.Errorf("round %d: %d errors, want %d", round, s.Errors, len(apart))
		}
		found := readManifest(t, s)
		for own, path := range apart {
			if e, ok := found[path]; !ok || e.Absent || e.SourceName != filepath.Base(own) {
				t.Errorf("round %d: %s is %+v", round, path, e)
			}
		}
		for path, e := range found {
			if e.SourceName == "" {
				continue
			}
			if !slices.Contains(slices.Collect(maps.Values(apart)), path) {
				t.Errorf("round %d: %s is called %s in the source", round, path, e.SourceName)
			}
		}
		r.wantWhole(s)
		if first == nil {
			first = s
			if planned.Errors != s.Errors || planned.New != s.New || planned.Files != s.Files {
				t.Errorf("planned was %+v, made %+v", planned.Summary, s.Summary)
			}
		} else if s.New != 0 || s.Unchanged < s.Files-2 { // an empty file is made anew
			t.Errorf("round %d: %+v", round, s.Summary)
		}
	}
	// A name that comes before takes the name over, and what is gone gives it free.
	r.write("AA", "", "a", "44", "L", "short")
	r.must(os.Remove(r.in("MAKEFILE")))
	s := r.backup()
	found := readManifest(t, s)
	if found["Makefile"].SourceName != "" || found["makefile~2"].SourceName != "makefile" || found["makefile~1"].SourceName != "" {
		t.Errorf("Makefile is %+v, makefile~2 %+v", found["Makefile"], found["makefile~2"])
	}
	r.wantWhole(s)
	t.Run("Adopted", func(t *testing.T) {
		r.must(os.RemoveAll(r.config.Catalog))
		r.must(os.Remove(s.Path + manifest.Suffix))
		report := r.adopt("")
		if !report.OK() {
			t.Errorf("add: %v", report.Problems)
		}
		for _, s := range r.snapshots() {
			r.wantProblems(r.verify(s, all))
		}
	})
}

// wantWhole checks that a snapshot is what its manifest says by all who look at that, and
// that the source comes back as it is.
func (r *repo) wantWhole(s *engine.Snapshot) {
	r.Helper()
	if out, err := sha256sum(r, s); err != nil {
		r.Errorf("sha256sum: %v\n%s", err, out)
	}
	r.wantProblems(r.verify(s, all))
	r.indexed(s)
	for _, read := range []bool{false, true} {
		changes, unread, err := r.engine().DiffSource(context.Background(), s, engine.Source{Root: r.source}, read)
		r.must(err)
		if len(changes) > 0 || unread > 0 {
			r.Errorf("the source differs: %+v", changes)
		}
	}
	to := r.to(fmt.Sprint("back-", s.Stamp))
	for run := range 2 {
		done := r.restore(s, engine.Restoration{To: to, Overwrite: engine.Always})
		if !done.OK() || run > 0 && done.Files > 0 {
			r.Errorf("restore, run %d: %v, %v", run, done, done.Problems)
		}
	}
	want, got := tree(r, r.source), tree(r, to)
	for _, m := range []map[string]node{want, got} {
		for path, n := range m {
			m[path] = n.like()
		}
	}
	same(r, "restored", got, want)
	for _, pair := range [][2]string{{"makefile", "odd/hard"}, {"odd/X", "ODD/hard"}} {
		if lstat(r, filepath.Join(to, pair[0])).id != lstat(r, filepath.Join(to, pair[1])).id {
			r.Errorf("%q are two files", pair)
		}
	}
}

// A part of the source is left out by its own path, and does not count as a clash.
func TestApartRules(t *testing.T) {
	t.Parallel()
	r := repoOn(t, caseless(t))
	r.write("ODD/x", "1", "odd/x", "2", "odd/y", "3", "odd/deep/y", "3", "Makefile", "one", "makefile", "two", ".phlbignore", "/odd/y\n")
	r.write("odd/.phlbignore", "deep/y\n")
	rules := walk.Rules{Skip: []string{"Makefile"}, IgnoreFiles: []string{".phlbignore"}}
	s, err := r.try(engine.Source{Rules: rules})
	r.must(err)
	r.check(s)
	found := readManifest(t, s)
	for _, path := range []string{"makefile", "odd~1/x", "odd~1/deep"} {
		if _, ok := found[path]; !ok {
			t.Errorf("%s is missing", path)
		}
	}
	for _, path := range []string{"odd~1/y", "odd~1/deep/y", "Makefile"} {
		if _, ok := found[path]; ok {
			t.Errorf("%s is not left out", path)
		}
	}
	if s.Errors != 1 {
		t.Errorf("%d errors: %s", s.Errors, r.log.take())
	}
}

// Drivers that take names for one and give them out in lower case.
func TestApartNTFS(t *testing.T) {
	t.Parallel()
	r := repoOn(t, mountWith(t, "lowntfs-3g", "ntfs", 64, []string{"-F", "-Q"}, "permissions,ignore_case"))
	apart := r.writeFolded()
	for round := range 2 {
		s, err := r.try(engine.Source{})
		r.must(err)
		if s.Errors != int64(len(apart)) {
			t.Errorf("round %d: %d errors, want %d: %s", round, s.Errors, len(apart), r.log.take())
		}
		if out, err := sha256sum(r, s); err != nil {
			t.Errorf("sha256sum: %v\n%s", err, out)
		}
		if round > 0 && s.New > 0 {
			t.Errorf("%d files are stored again: %v", s.New, s.Summary)
		}
		to := r.to(fmt.Sprint("back-", round))
		if done := r.restore(s, engine.Restoration{To: to}); !done.OK() {
			t.Errorf("restore: %v", done.Problems)
		}
		for path, n := range tree(t, r.source) {
			if n.digest != look(t, filepath.Join(to, path)).digest {
				t.Errorf("%s came back with another content", path)
			}
		}
	}
}

// Two backups whose names the root takes for one do not mix.
func TestApartBackups(t *testing.T) {
	t.Parallel()
	r := repoOn(t, caseless(t))
	_, err := r.try(engine.Source{Name: "S1"})
	r.must(err)
	for _, dry := range []bool{false, true} {
		e := r.engine()
		if dry {
			e = r.dry()
		}
		_, err = e.Backup(context.Background(), engine.Source{Root: r.source, Name: "s1"})
		if err == nil || !strings.Contains(err.Error(), "has a folder S1, which it takes for s1 too") {
			t.Errorf("dry %v: s1 beside S1: %v", dry, err)
		}
	}
	if _, err = r.try(engine.Source{Name: "S1"}); err != nil {
		t.Error(err)
	}
}
