package engine_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/manifest"
)

func (r *repo) adopt(path string) *engine.Report {
	r.Helper()
	r.tick()
	report, err := r.engine().Adopt(context.Background(), path)
	r.must(err)
	for _, s := range report.Added {
		r.check(s)
		r.indexed(s)
	}
	return report
}

// wantAdded checks which snapshots were added, as NAME/STAMP.
func (r *repo) wantAdded(report *engine.Report, want ...string) {
	r.Helper()
	var got []string
	for _, s := range report.Added {
		got = append(got, s.Ref().String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.Errorf("added %q, want %q", got, want)
	}
}

// put copies the source to a place under the root, as a user would.
func (r *repo) put(ref string) string {
	r.Helper()
	tool(r, "cp")
	to := filepath.Join(r.root, ref)
	r.must(os.MkdirAll(filepath.Dir(to), 0o755))
	if out, err := exec.Command("cp", "-a", r.source, to).CombinedOutput(); err != nil {
		r.Fatalf("cp: %v: %s", err, out)
	}
	return to
}

// The manifests are all that is needed: whatever lies in the trees is not read.
func TestAdoptManifests(t *testing.T) {
	r := newRepo(t)
	r.write("a", "content", "dir/b", "more", "empty", "")
	first := r.backup()
	r.write("a", "content, changed", "c", "new")
	second := r.backup()
	r.rot(filepath.Join(first.Path, "dir/b"))
	r.must(os.Remove(filepath.Join(second.Path, "c")))
	before := tree(r, r.root+"/source")
	r.must(os.Remove(r.config.Catalog))
	report, err := r.engine().Adopt(context.Background(), "")
	r.must(err)
	r.wantAdded(report, first.Ref().String(), second.Ref().String())
	if report.Read != 0 || report.Files != 0 || report.Bytes != 0 || !report.OK() {
		t.Errorf("report %+v, want nothing read", report)
	}
	same(t, "after", tree(r, r.root+"/source"), before)
	all := r.snapshots()
	if len(all) != 2 || all[0].Ref() != second.Ref() || all[1].Ref() != first.Ref() {
		t.Errorf("the catalog has %v", all)
	}
	for i, s := range []*engine.Snapshot{second, first} {
		r.indexed(s)
		all[i].Finished = s.Finished // that of the manifest has no monotonic clock
		if got := all[i]; got.Summary != s.Summary || !got.Started.Equal(s.Started) || got.Source != s.Source {
			t.Errorf("catalog has %+v, want %+v", got.Snapshot, s.Snapshot)
		}
	}
	r.wantAdded(r.adopt("")) // nothing is left to do
}

func TestAdoptForgets(t *testing.T) {
	r := newRepo(t)
	r.write("a", "content")
	first := r.backup()
	second := r.backup()
	r.must(os.RemoveAll(first.Path))
	r.must(os.Remove(first.Path + manifest.Suffix))
	report := r.adopt("")
	r.wantAdded(report)
	if report.Removed != 1 {
		t.Errorf("%d snapshots were forgotten, want 1", report.Removed)
	}
	if all := r.snapshots(); len(all) != 1 || all[0].Ref() != second.Ref() {
		t.Errorf("the catalog has %v", all)
	}
}

// TestAdoptStrays puts files where folders of snapshots belong.
func TestAdoptStrays(t *testing.T) {
	r := newRepo(t)
	r.write("a", "content")
	s := r.backup()
	r.put("hand/tree")
	for _, stray := range []string{"hand/.hidden", "other"} {
		r.must(os.MkdirAll(filepath.Join(r.root, stray), 0o755))
	}
	for _, file := range []string{"hand/file", "hand/tree.txt", "hand/old.log", "other/file", "source/beside"} {
		r.must(os.WriteFile(filepath.Join(r.root, file), nil, 0o644))
	}
	for path, want := range map[string][]string{
		"source": nil, // there, snapshots have been made by phlb
		"other":  {"stray: other: in no snapshot: file;"},
		s.Path:   nil,
		"hand":   {"stray: hand: in no snapshot: .hidden, file;"},
	} {
		report := r.adopt(path)
		if len(report.Problems) != len(want) || len(want) > 0 && !strings.HasPrefix(report.Problems[0].String(), want[0]) || report.Damaged() {
			t.Errorf("add %s found %v, want %q", path, report.Problems, want)
		}
	}
}

// TestAdoptLinked puts a link in the place of a folder of snapshots: it is not
// followed, and not passed over in silence.
func TestAdoptLinked(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	r.backup()
	link := filepath.Join(r.root, "linked")
	r.must(os.Symlink(filepath.Dir(r.put("elsewhere/tree")), link))
	report := r.adopt("")
	r.wantAdded(report, "elsewhere/tree")
	if len(report.Problems) != 1 || !strings.HasPrefix(report.Problems[0].String(), "stray: linked: "+link+" is a symbolic link") {
		t.Errorf("found %v", report.Problems)
	}
}

func TestAdoptWithoutManifest(t *testing.T) {
	r := newRepo(t)
	r.write("a", "content", "b", "content", "dir/c", "more", "empty", "")
	first := r.backup()
	r.write("a", "changed")
	second := r.backup()
	latest, err := os.Readlink(filepath.Join(r.root, "source", "latest"))
	r.must(err)
	for _, s := range []*engine.Snapshot{first, second} {
		r.must(os.Remove(s.Path + manifest.Suffix))
	}
	before := tree(r, filepath.Join(r.root, "source"))
	zone := time.FixedZone("east", 5*3600)
	now := r.now
	r.now = func() time.Time { return now().In(zone) }
	report := r.adopt("")
	r.wantAdded(report, first.Ref().String(), second.Ref().String())
	if report.Removed != 2 || report.Files != 8 || report.Read != 4 { // b, c and empty are those of the first
		t.Errorf("removed %d, looked at %d, read %d; want 2, 8, 4", report.Removed, report.Files, report.Read)
	}
	if report.Linked != 0 || report.Saved != 0 {
		t.Errorf("linked %d, saved %d, though all was", report.Linked, report.Saved)
	}
	for _, s := range report.Added {
		r.wantProblems(r.verify(s, all))
		want, err := time.ParseInLocation("2006-01-02-150405", s.Stamp, zone)
		r.must(err)
		if !s.Started.Equal(want) || s.ID == 0 {
			t.Errorf("%s is number %d, started %v; want %v", s.Ref(), s.ID, s.Started, want)
		}
	}
	after := tree(r, filepath.Join(r.root, "source"))
	for path, n := range after {
		if strings.HasSuffix(path, manifest.Suffix) || strings.HasSuffix(path, ".log") || path == "." {
			delete(after, path)
			delete(before, path)
			continue
		}
		if path == "latest" { // made anew
			n.id, n.mtime = before[path].id, before[path].mtime
			after[path] = n
		}
	}
	same(t, "after", after, before)
	if now, err := os.Readlink(filepath.Join(r.root, "source", "latest")); now != latest {
		t.Errorf("latest leads to %s, %v; want %s", now, err, latest)
	}
	// The next run knows the contents.
	third := r.backup()
	r.counts(third, 0, 3, 1) // an empty one is not linked for its content
	r.alike(third)
	r.together(true, filepath.Join(second.Path, "a"), filepath.Join(third.Path, "a"))
}

// Without the catalog's order of time, an old tree gets a late number.
func TestAdoptOlder(t *testing.T) {
	r := newRepo(t)
	r.write("a", "content")
	newest := r.backup()
	r.write("old", "gone since")
	r.put("source/2001-02-03-040506")
	r.must(os.Remove(r.in("old")))
	report := r.adopt("")
	r.wantAdded(report, "source/2001-02-03-040506")
	old := report.Added[0]
	if old.ID != 2 || !old.Started.Equal(time.Date(2001, 2, 3, 4, 5, 6, 0, time.Local)) {
		t.Errorf("the old tree is number %d, of %v", old.ID, old.Started)
	}
	if got, err := os.Readlink(filepath.Join(r.root, "source", "latest")); got != newest.Stamp {
		t.Errorf("latest leads to %s, %v", got, err)
	}
	if all := r.snapshots(); all[0].Ref() != newest.Ref() {
		t.Errorf("the newest is %s", all[0].Ref())
	}
	r.together(true, filepath.Join(newest.Path, "a"), filepath.Join(old.Path, "a"))
	r.alike(r.backup())
}

func TestAdoptPath(t *testing.T) {
	r := newRepo(t)
	r.write("a", "content")
	r.put("one/x")
	r.put("one/y")
	r.put("two/x")
	r.put("three/x.partial")
	r.put("three/latest")
	r.wantAdded(r.adopt(filepath.Join(r.root, "one", "x")), "one/x")
	r.wantAdded(r.adopt("one/y/"), "one/y")
	r.wantAdded(r.adopt("one/y")) // it is one already
	t.Chdir(filepath.Join(r.root, "two"))
	r.wantAdded(r.adopt("x"), "two/x")
	r.wantAdded(r.adopt("two"))
	r.wantAdded(r.adopt(r.root))
	t.Chdir(r.source)
	for path, want := range map[string]string{
		r.source: "move it there", "/": "move it there", ".": "move it there", "..": "move it there", "nowhere": "no such folder", "one/x/a": "no such folder",
		"three/x.partial": "rename it", "three/latest": "rename it",
	} {
		if _, err := r.engine().Adopt(context.Background(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("add %s: %v, want %q", path, err, want)
		} else if want != "rename it" && !errors.Is(err, engine.ErrNotBelowRoot) {
			t.Errorf("add %s: %v is no %v", path, err, engine.ErrNotBelowRoot)
		}
	}
	r.config.BackupPath = filepath.Join(r.root, "nowhere")
	if _, err := r.engine().Adopt(context.Background(), ""); !errors.Is(err, engine.ErrNoRoot) {
		t.Errorf("error %v, want %v", err, engine.ErrNoRoot)
	}
}
