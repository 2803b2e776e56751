package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/manifest"
)

var heal = engine.Check{Sample: 1, Heal: true}

// whole checks that a snapshot is in order again, and nothing noted against it.
func (r *repo) whole(s *engine.Snapshot) {
	r.Helper()
	r.wantProblems(r.verify(s, all))
	r.check(s)
	r.indexed(s)
	if noted := r.noted(); len(noted) > 0 {
		r.Errorf("the catalog still knows of the damage %v", noted)
	}
}

// rotten makes a snapshot, spoils what it holds under a path, and has that noted.
func (r *repo) rotten(path string) *engine.Snapshot {
	r.Helper()
	s := r.backup()
	r.rot(filepath.Join(s.Path, path))
	r.verify(s, all)
	return s
}

// asBefore holds the tree of a snapshot that was healed against what it was.
func (r *repo) asBefore(s *engine.Snapshot, before map[string]node) {
	r.Helper()
	after := tree(r, s.Path)
	for path := range before {
		before[path], after[path] = before[path].like(), after[path].like()
	}
	same(r, "healed", after, before)
}

// outside gives the file another name outside of the root: what happens to the
// inode can be seen there.
func (r *repo) outside(path string) string {
	r.Helper()
	r.tick()
	link := filepath.Join(filepath.Dir(r.root), "outside")
	r.must(os.Link(path, link))
	return link
}

// A good inode of the same metadata is there: the snapshot after was made when
// the damage was known.
func TestHealLinksToGoodCopy(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("dir/a", "content", "dir/b", "other")
	first := r.backup()
	second := r.backup()
	in := func(s *engine.Snapshot) string { return filepath.Join(s.Path, "dir/a") }
	r.together(true, in(first), in(second))
	r.rot(in(first))
	outside := r.outside(in(first))
	rotten, folder := look(r, outside), look(r, filepath.Dir(in(first)))
	r.wantProblems(r.verify(second, all), "content: dir/a")
	third := r.backup()
	r.together(false, in(second), in(third))

	report := r.verify(second, heal)
	r.wantProblems(report, "content: dir/a", "healed: dir/a", "healed: dir/a")
	for _, s := range []*engine.Snapshot{first, second} {
		r.together(true, in(s), in(third))
		r.whole(s)
		if got := look(r, filepath.Dir(in(s))); got.mtime != folder.mtime {
			t.Errorf("%s: the folder's time is %v, was %v", s.Ref(), got.mtime, folder.mtime)
		}
	}
	rotten.links = 1
	if got := look(r, outside); got != rotten {
		t.Errorf("the rotten inode is\n%+v, was\n%+v", got, rotten)
	}
	r.whole(third)
}

// Good copies have other metadata: the healed file has its own all the same.
func TestHealCopies(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "content", "sub/c", "content", "sub/d", "x")
	when := time.Unix(1e9, 123456789)
	r.must(os.Chmod(r.in("b"), 0o400))
	r.must(os.Chtimes(r.in("a"), when, when))
	s := r.backup()
	before := tree(r, s.Path)
	r.together(true, filepath.Join(s.Path, "a"), filepath.Join(s.Path, "sub/c"))
	r.rot(filepath.Join(s.Path, "a"))
	report := r.verify(s, heal)
	r.wantProblems(report, "content: a", "content: sub/c", "healed: a", "healed: sub/c")
	if got := report.Verdict(); got != "2 problems, 2 places healed" {
		t.Errorf("the verdict is %q", got)
	}
	r.whole(s)
	r.together(true, filepath.Join(s.Path, "a"), filepath.Join(s.Path, "sub/c")) // copied once
	r.asBefore(s, before)
}

func TestHealWithoutGoodCopy(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "good", "c", "good")
	r.must(os.Chmod(r.in("c"), 0o400))
	first := r.backup()
	r.rot(filepath.Join(first.Path, "a"))
	r.rot(filepath.Join(first.Path, "b"))
	for range 2 {
		report := r.verify(first, heal)
		found := map[string]int{}
		for _, p := range report.Problems {
			found[p.What+": "+p.Path]++
		}
		if got := report.Verdict(); !strings.HasSuffix(got, " 1 not") && got != "1 problem, 1 not healed" {
			t.Errorf("the verdict is %q", got)
		}
		if found["content: a"] != 1 || found["unhealed: a"] != 1 || found["unhealed: b"] != 0 {
			t.Errorf("found %v", report.Problems)
		}
	}
	if noted := r.noted(); len(noted) != 1 || noted[0] != readManifest(t, first)["a"].Digest {
		t.Errorf("the catalog knows of the damage %v", noted)
	}
	// The source still has it. Once a snapshot does, the old one is healed.
	second := r.backup()
	r.wantProblems(r.verify(first, heal), "content: a", "healed: a")
	r.whole(first)
	r.whole(second)
}

// Two inodes of one content are rotten; only one of them is looked at by the
// verification, yet the damage is no more in the end.
func TestHealOtherSnapshots(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	first := r.rotten("a")
	second := r.backup()
	r.rot(filepath.Join(second.Path, "a"))
	r.verify(second, all)
	third := r.backup()
	r.together(false, filepath.Join(first.Path, "a"), filepath.Join(second.Path, "a"))
	report := r.verify(third, heal) // itself in order, the damage is known
	r.wantProblems(report, "healed: a", "healed: a")
	if got := report.Verdict(); got != "no problems, 2 places healed" {
		t.Errorf("the verdict is %q", got)
	}
	for _, s := range []*engine.Snapshot{first, second, third} {
		r.whole(s)
		r.together(true, filepath.Join(s.Path, "a"), filepath.Join(third.Path, "a"))
	}
}

func TestHealStructure(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, test := range []struct {
		name   string
		damage func(r *repo, in func(string) string)
	}{
		{"MissingFile", func(r *repo, in func(string) string) { r.must(os.Remove(in("dir/b"))) }},
		{"MissingEmptyFile", func(r *repo, in func(string) string) { r.must(os.Remove(in("dir/empty"))) }},
		{"FilledEmptyFile", func(r *repo, in func(string) string) { r.must(os.WriteFile(in("dir/empty"), []byte("x"), 0)) }},
		{"MissingFolder", func(r *repo, in func(string) string) { r.must(os.RemoveAll(in("dir"))) }},
		{"MissingLink", func(r *repo, in func(string) string) { r.must(os.Remove(in("link"))) }},
		{"Target", func(r *repo, in func(string) string) {
			r.must(os.Remove(in("link")))
			r.must(os.Symlink("/etc", in("link")))
		}},
		{"MissingFifo", func(r *repo, in func(string) string) { r.must(os.Remove(in("dir/fifo"))) }},
		{"FileBecameLink", func(r *repo, in func(string) string) {
			r.must(os.Remove(in("a")))
			r.must(os.Symlink("/etc/passwd", in("a")))
		}},
		{"Mtime", func(r *repo, in func(string) string) { r.must(os.Chtimes(in("dir/b"), now, now)) }},
		{"MtimeOfOnlyCopy", func(r *repo, in func(string) string) { r.must(os.Chtimes(in("only"), now, now)) }},
		{"MtimeOfFolder", func(r *repo, in func(string) string) { r.must(os.Chtimes(in("dir"), now, now)) }},
		{"Truncated", func(r *repo, in func(string) string) { r.must(os.Truncate(in("a"), 2)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "first", "good/a", "first", "dir/b", "second", "good/b", "second", "dir/empty", "", "only", "only")
			if !r.fifo(r.in("dir/fifo"), 0o640) && test.name == "MissingFifo" {
				t.Skip("there are none here")
			}
			r.must(os.Symlink("a", r.in("link")))
			r.must(os.Chmod(r.in("dir"), 0o750))
			for _, name := range []string{"good/a", "good/b"} { // inodes of their own
				r.must(os.Chmod(r.in(name), 0o400))
			}
			s := r.backup()
			before := tree(r, s.Path)
			test.damage(r, func(path string) string { return filepath.Join(s.Path, path) })
			report := r.verify(s, heal)
			for _, p := range report.Problems {
				if p.What == engine.Unhealed {
					t.Errorf("%v", p)
				}
			}
			r.whole(s)
			r.asBefore(s, before)
		})
	}
}

// What lies in the way is not ours to delete.
func TestHealInTheWay(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "content", "dir/c", "more")
	r.must(os.Chmod(r.in("b"), 0o400))
	s := r.backup()
	r.remove(filepath.Join(s.Path, "a"))
	r.remove(filepath.Join(s.Path, "dir"))
	r.keepingMtime(s.Path, func() {
		r.must(os.Mkdir(filepath.Join(s.Path, "a"), 0o755))
		r.must(os.WriteFile(filepath.Join(s.Path, "dir"), []byte("kept"), 0o644))
	})
	report := r.verify(s, heal)
	r.wantProblems(report, "kind: a", "kind: dir", "missing: dir/c", "unhealed: a", "unhealed: dir", "unhealed: dir/c")
	if data, err := os.ReadFile(filepath.Join(s.Path, "dir")); string(data) != "kept" {
		t.Errorf("what lay in the way is %q, %v", data, err)
	}
}

// A snapshot that was removed by hand has nothing to be healed.
func TestHealForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	first := r.rotten("a")
	second := r.backup()
	r.must(os.RemoveAll(first.Path))
	r.must(os.Remove(first.Path + manifest.Suffix))
	r.wantProblems(r.verify(second, heal))
	r.whole(second)
}

func TestHealStops(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "content")
	r.must(os.Chmod(r.in("b"), 0o400))
	s := r.backup()
	r.rot(filepath.Join(s.Path, "a"))
	before := tree(r, s.Path)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := r.watched(func(*engine.Engine) { cancel() }) // the catalog is open by then
	if _, err := e.Verify(ctx, s, heal); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	same(t, "stopped", tree(r, s.Path), before)
	r.wantProblems(r.verify(s, heal), "content: a", "healed: a")
	r.whole(s)
}
