package engine_test

import (
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/walk"
)

// list returns what lies below a path beside the source.
func (r *repo) list(path string) string {
	r.Helper()
	return strings.Join(slices.Sorted(maps.Keys(tree(r, r.to(path)))), " ")
}

func TestRestoreSelection(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a.txt", "1", "b.jpg", "2", "sub/c.txt", "3", "sub/deep/d.txt", "4", "sub/deep/e.jpg", "5", "other/f.jpg", "6")
	r.must(os.Mkdir(r.in("empty"), 0o700))
	s := r.backup()
	for _, test := range []struct {
		name             string
		include, exclude []string
		want             string
	}{
		{"Name", []string{"*.txt"}, nil, ". a.txt sub sub/c.txt sub/deep sub/deep/d.txt"},
		{"Path", []string{"sub/*.txt"}, nil, ". sub sub/c.txt"},
		{"Anchored", []string{"/a.txt"}, nil, ". a.txt"},
		{"Dir", []string{"deep"}, nil, ". sub sub/deep sub/deep/d.txt sub/deep/e.jpg"},
		{"EmptyDir", []string{"empty"}, nil, ". empty"},
		{"Exclude", nil, []string{"*.jpg", "sub/deep/"}, ". a.txt empty other sub sub/c.txt"},
		{"ExcludeWins", []string{"sub"}, []string{"deep", "c.*"}, ". sub"},
		{"Doublestar", []string{"sub/**"}, []string{"**/e.jpg"}, ". sub sub/c.txt sub/deep sub/deep/d.txt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r.must(os.RemoveAll(r.to("to")))
			done := r.restore(s, engine.Restoration{Include: test.include, Exclude: test.exclude})
			if got := r.list("to"); got != test.want {
				t.Errorf("restored %s; want %s", got, test.want)
			}
			if !done.OK() {
				t.Errorf("problems are %v", done.Problems)
			}
			want, got := tree(t, r.source), tree(t, r.to("to"))
			for path, n := range got { // also those on the way
				if n.like() != want[path].like() {
					t.Errorf("%s is\n%+v, want\n%+v", path, n.like(), want[path].like())
				}
			}
		})
	}
	for _, test := range []struct {
		o    engine.Restoration
		want string
	}{
		{engine.Restoration{Include: []string{"[a"}}, `include: pattern "[a": `},
		{engine.Restoration{Exclude: []string{""}}, `exclude: pattern "": is empty`},
		{engine.Restoration{Include: []string{"*.doc"}}, "holds no such path that include and exclude mean"},
		{engine.Restoration{Path: "sub/none"}, `holds no such path: "sub/none"; phlb find looks for paths in all snapshots`},
		{engine.Restoration{Path: "a.txt/x"}, `holds no such path: "a.txt/x"`},
		{engine.Restoration{Path: "../source"}, `holds no such path: "../source"`},
		{engine.Restoration{Path: ".."}, `holds no such path: ".."`},
		{engine.Restoration{Path: "sub/../.."}, `holds no such path: "sub/../.."`},
		{engine.Restoration{Path: "sub", Include: []string{"deep/**"}}, "include and exclude mean; the paths of both begin at the top of the snapshot"},
	} {
		test.o.To = "new"
		_, err := r.tryRestore(s, test.o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error is %v, want %q in it", test.o, err, test.want)
		}
		if _, err := os.Lstat(r.to("new")); !os.IsNotExist(err) {
			t.Errorf("%+v: the target was made", test.o)
		}
	}
}

// TestRestoreLanding has things land where cp -a would put them.
func TestRestoreLanding(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "sub/b", "2", "sub/deep/c", "3")
	s := r.backup()
	for _, test := range []struct {
		name, path string
		there      []string // files that make the target a directory before
		to         string
		want       string // below t
	}{
		{"WholeNew", "", nil, "t/new/dir", "t/new/dir/sub/deep/c"},
		{"WholeOld", "", []string{"x", ""}, "t", "t/sub/deep/c"},
		{"WholePoint", ".", []string{"x", ""}, "t/", "t/sub/deep/c"},
		{"DirOld", "sub", []string{"x", ""}, "t", "t/sub/deep/c"},
		{"DirNew", "sub/", nil, "t/name", "t/name/deep/c"},
		{"DeepDir", "/sub/deep", []string{"x", ""}, "t", "t/deep/c"},
		{"FileOld", "sub/deep/c", []string{"x", ""}, "t", "t/c"},
		{"FileNew", "sub/deep/c", nil, "t/name", "t/name"},
		{"FileFar", "./sub/deep/c", nil, "t/far/name", "t/far/name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r.must(os.RemoveAll(r.to("t")))
			if test.there != nil {
				r.place("t", test.there...)
			}
			dry := r.restore(s, engine.Restoration{To: test.to, Path: test.path, Dry: true})
			done := r.restore(s, engine.Restoration{To: test.to, Path: test.path})
			r.holds(test.want, "3")
			if done.Files != dry.Files || done.Folders != dry.Folders || !strings.HasPrefix(r.to(test.want), done.To) {
				t.Errorf("restored %+v; a dry run said %+v", *done, *dry)
			}
			if len(test.there) > 0 {
				r.holds("t/x", "")
			}
		})
	}
	t.Run("Twice", func(t *testing.T) { // the same inode alone, apart from the rest
		r.must(os.RemoveAll(r.to("t")))
		r.restore(s, engine.Restoration{To: "t", Path: "sub"})
		r.equal(r.to("t"), r.in("sub"))
		r.both(s, engine.Restoration{To: "t/b", Path: "sub/b"}, "1 unchanged")
		r.both(s, engine.Restoration{To: "t/deep/c", Path: "a"}, "1 skipped")
		r.both(s, engine.Restoration{To: "t/deep/c", Path: "a", Overwrite: engine.Always}, "1 files 1 bytes")
		r.holds("t/deep/c", "1")
	})
}

// TestRestoreRefused has targets that must not be written to.
func TestRestoreRefused(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "root/x", "2")
	s := r.backup()
	r.place(".", "file", "", "home/x", "")
	r.must(os.Symlink(r.root, r.to("alias")))
	before := r.list("root")
	top := filepath.VolumeName(r.root) + string(filepath.Separator)
	for _, test := range []struct {
		name string
		o    engine.Restoration
		want error
		text string
	}{
		{"File", engine.Restoration{To: "file"}, engine.ErrTarget, r.to("file") + ": target is not a directory"},
		{"FileAndDir", engine.Restoration{To: "file", Path: "root"}, engine.ErrTarget, ""},
		{"BelowFile", engine.Restoration{To: "file/x"}, nil, "not a directory"},
		{"Root", engine.Restoration{To: "root"}, engine.ErrIntoRoot, ""},
		{"InRoot", engine.Restoration{To: "root/new/dir"}, engine.ErrIntoRoot, ""},
		{"Snapshot", engine.Restoration{To: s.Path}, engine.ErrIntoRoot, ""},
		{"Name", engine.Restoration{To: "root/source", Path: "a"}, engine.ErrIntoRoot, ""},
		{"Alias", engine.Restoration{To: "alias/source"}, engine.ErrIntoRoot, ""},
		{"DeleteSystem", engine.Restoration{To: top, Delete: true}, engine.ErrDelete, top + " is too much to delete from"},
		{"DeleteAround", engine.Restoration{To: ".", Delete: true}, engine.ErrDelete, "holds the backup root and is too much"},
		{"Nowhere", engine.Restoration{To: filepath.Join(s.Path, "a", "b")}, nil, "not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, dry := range []bool{true, false} {
				test.o.Dry = dry
				_, err := r.tryRestore(s, test.o)
				if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
					t.Errorf("error is %v, want %v and %q in it", err, test.want, test.text)
				}
			}
		})
	}
	if after := r.list("root"); after != before {
		t.Errorf("the root holds %s, held %s", after, before)
	}
	// What is called like the root, in a target that is around it.
	done := r.restore(s, engine.Restoration{To: "."})
	if len(done.Problems) != 1 || !strings.Contains(done.Problems[0].String(), "root: target lies inside of the backup root") || done.Errors != 2 {
		t.Errorf("problems are %v", done.Problems)
	}
	if after := r.list("root"); after != before {
		t.Errorf("the root holds %s, held %s", after, before)
	}
}

func TestRestoreDelete(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a.txt", "1", "sub/b.txt", "2", "cache/mine", "3")
	s := r.backup()
	start := func() {
		r.must(os.RemoveAll(r.to("to")))
		r.place("to", "a.txt", "1", "old.txt", "x", "old.jpg", "x", "sub/old.txt", "x", "cache/old", "x",
			"gone/deep/old.txt", "x", "gone/old.jpg", "x", "gone/cache/x", "x")
		r.must(os.Chmod(r.to("to/sub"), 0o755))
	}
	for _, test := range []struct {
		name             string
		include, exclude []string
		numbers, want    string
	}{
		{"All", nil, nil, "2 files 2 bytes 1 skipped 10 deleted", ". a.txt cache cache/mine sub sub/b.txt"},
		{"Exclude", nil, []string{"cache"}, "1 files 1 bytes 1 skipped 6 deleted",
			". a.txt cache cache/old gone gone/cache gone/cache/x sub sub/b.txt"},
		{"Include", []string{"*.txt"}, nil, "1 files 1 bytes 1 skipped 3 deleted",
			". a.txt cache cache/old gone gone/cache gone/cache/x gone/deep gone/old.jpg old.jpg sub sub/b.txt"},
		{"IncludeDir", []string{"sub"}, nil, "1 files 1 bytes 1 deleted",
			". a.txt cache cache/old gone gone/cache gone/cache/x gone/deep gone/deep/old.txt gone/old.jpg old.jpg old.txt sub sub/b.txt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			start()
			r.both(s, engine.Restoration{Delete: true, Include: test.include, Exclude: test.exclude}, test.numbers)
			if got := r.list("to"); got != test.want {
				t.Errorf("there are %s; want %s", got, test.want)
			}
		})
	}
	t.Run("Part", func(t *testing.T) { // of the rest nothing is touched
		start()
		r.both(s, engine.Restoration{Path: "sub", Delete: true}, "1 files 1 bytes 1 deleted")
		if got := r.list("to/sub"); got != ". b.txt" {
			t.Errorf("there are %s", got)
		}
		r.holds("to/old.txt", "x")
	})
	t.Run("File", func(t *testing.T) {
		start()
		r.both(s, engine.Restoration{Path: "sub/b.txt", Delete: true}, "1 files 1 bytes")
	})
	t.Run("Incomplete", func(t *testing.T) { // what could not be read must not be taken for gone
		start()
		s := *s
		s.Errors = 3
		done := r.restore(&s, engine.Restoration{Delete: true})
		r.done(done, "2 files 2 bytes 1 skipped")
		if len(done.Problems) != 1 || !strings.Contains(done.Problems[0].Detail, "nothing is deleted: the snapshot lacks 3 paths") {
			t.Errorf("problems are %v", done.Problems)
		}
	})
	t.Run("LeftOut", func(t *testing.T) { // of what is in no snapshot, the source must not be cleared
		s, err := r.try(engine.Source{Rules: walk.Rules{Skip: []string{"mine"}}})
		r.must(err)
		r.write("cache/new", "4")
		for _, path := range []string{"", "cache"} {
			to := r.source
			done := r.restore(s, engine.Restoration{Path: path, To: to, Delete: true})
			r.done(done, map[string]string{"": "2 unchanged"}[path])
			if len(done.Problems) != 1 || !strings.Contains(done.Problems[0].Detail, "nothing is deleted: this is what was backed up, without 1 path:") {
				t.Errorf("problems are %v", done.Problems)
			}
			r.holds("source/cache/mine", "3")
			r.holds("source/cache/new", "4")
		}
		// Where there is nothing to be deleted, nothing is in the way.
		r.must(os.Rename(r.in("cache"), r.to("cache")))
		if done := r.restore(s, engine.Restoration{To: r.source, Delete: true}); len(done.Problems) > 0 {
			t.Errorf("problems of an empty source are %v", done.Problems)
		}
		r.must(os.RemoveAll(r.in("cache")))
		r.must(os.Rename(r.to("cache"), r.in("cache")))
		// In other places, and in the same one of another machine, it is meant.
		start()
		r.log.take()
		r.done(r.restore(s, engine.Restoration{Delete: true}), "1 files 1 bytes 1 skipped 10 deleted")
		r.logged("also where it was left out of it")
		elsewhere := *s
		elsewhere.Host = "another"
		r.done(r.restore(&elsewhere, engine.Restoration{To: r.source, Delete: true}), "2 unchanged 2 deleted")
	})
	t.Run("LeftOutOfOthers", func(t *testing.T) { // to look at a path that others chose may have effects
		s := *s
		s.Source, s.Skipped = r.to("nowhere"), 1
		others := engine.Open(r.config, engine.Environment{
			Host: s.Host, Home: r.to("home"), TempDir: t.TempDir(), Now: r.now, StateDir: r.to("state"),
			Log: slog.NewTextHandler(r.log, nil), ForeignRoot: true,
		})
		for _, privileged := range []bool{false, true} {
			start()
			done, err := others.Restore(t.Context(), &s, engine.Restoration{To: r.to("to"), Overwrite: engine.Always, Delete: true, Privileged: privileged})
			r.must(err)
			kept := len(done.Problems) == 1 && strings.Contains(done.Problems[0].Detail, "nothing is deleted: this may be what was backed up, without 1 path,")
			if kept == privileged || privileged != (done.Deleted > 0) {
				t.Errorf("privileged %t: %d were deleted, problems are %v", privileged, done.Deleted, done.Problems)
			}
		}
	})
}

// TestRestoreDeleteLink deletes a symbolic link, and nothing where it leads.
func TestRestoreDeleteLink(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	s := r.backup()
	r.place("to", "a", "1")
	r.place("out", "file", "theirs")
	r.must(os.Symlink(r.to("out"), r.to("to/link")))
	r.both(s, engine.Restoration{Delete: true, Include: []string{"a"}}, "1 skipped")
	r.both(s, engine.Restoration{Delete: true}, "1 skipped 1 deleted")
	if got := r.list("to"); got != ". a" {
		t.Errorf("there are %s", got)
	}
	r.holds("out/file", "theirs")
}
