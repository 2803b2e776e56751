package fault

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTracer has calls of a small program go wrong.
func TestTracer(t *testing.T) {
	mkdir, err := exec.LookPath("mkdir")
	if err != nil {
		t.Skip("needs mkdir")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, test := range []struct {
		way  way
		made bool
		want string // of the message
	}{
		{way{goOn, 0}, true, ""},
		{way{goOnForAll, 0}, true, ""},
		{way{killBefore, 0}, false, "killed"},
		{way{killAfter, 0}, true, "killed"},
		{way{refuse, unix.EIO}, false, "Input/output error"},
		{way{refuse, unix.ENOSPC}, false, "No space left on device"},
		{way{refuseLate, unix.EIO}, true, "Input/output error"},
	} {
		s := &stage{dir: t.TempDir(), labels: &labels{}}
		path := s.in("made")
		var calls []string
		r, err := s.trace([]string{mkdir, path}, func(c *call) (verdict, unix.Errno) {
			k, _ := c.kind()
			if targets := c.targets(k); len(targets) != 1 || targets[0] != path {
				return goOn, 0
			}
			if calls = append(calls, k.name); strings.HasPrefix(k.name, "mkdir") {
				return test.way.verdict, test.way.errno
			}
			return goOn, 0
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = os.Stat(path)
		got := r.stderr
		if r.killed {
			got = "killed"
		}
		if made := err == nil; made != test.made || !strings.Contains(got, test.want) || test.want == "" && r.code != 0 {
			t.Errorf("%v: made: %t, exit code %d, %q after %q", test.way, made, r.code, got, calls)
		}
	}
}

// TestCopy copies a source, and finds no difference but in what was changed.
func TestCopy(t *testing.T) {
	s := &stage{dir: t.TempDir(), source: t.TempDir(), labels: &labels{}}
	fresh(t, s)
	must(t, copyTree(s.source, s.in("copy")))
	want, err := list(s.source)
	must(t, err)
	got, err := list(s.in("copy"))
	must(t, err)
	if found := compare(want, got, true); len(found) > 0 {
		t.Errorf("a copy is not the same: %v", found)
	}
	if w, g := groups(want), groups(got); w["sub/hard"] != "other/hard" || g["sub/hard"] != w["sub/hard"] {
		t.Errorf("%q and %q are the first paths of an inode", w["sub/hard"], g["sub/hard"])
	}
	write(t, s.in("copy"), "plain", "other", "added", "")
	must(t, os.Chmod(s.in("copy/secret"), 0o644))
	must(t, os.Remove(s.in("copy/link")))
	got, err = list(s.in("copy"))
	must(t, err)
	var paths []string
	for _, d := range compare(want, got, false) {
		paths = append(paths, d.path)
	}
	if got, want := strings.Join(paths, " "), "link plain secret added"; got != want {
		t.Errorf("differences in %q, want %q", got, want)
	}
}

// TestLabels takes from paths what differs from run to run.
func TestLabels(t *testing.T) {
	l := &labels{
		places: [][2]string{{"/b/root", "root"}, {"/b/source", "source"}},
		stamps: map[string]string{"2026-11-28-194252-2": "B"},
		kinds:  map[string]string{"sub/x1": "file"},
	}
	for path, want := range map[string][2]string{
		"/b/root":          {"root", "root"},
		"/b/source/sub/x1": {"source/sub/x1", "source/file"},
		"/b/root/docs/2026-11-28-194252-2/sub/x1":       {"root/docs/B/sub/x1", "root/docs/B/file"},
		"/b/root/docs/2026-11-28-194252.partial/tree":   {"root/docs/NEW.partial/tree", "root/docs/NEW.partial/tree"},
		"/b/root/docs/2026-11-28-194252.partial/copy-2": {"root/docs/NEW.partial/copy-2", "root/docs/NEW.partial/copy-N"},
		"/b/root/.phlb/catalog.ql.tmp-1797231973/lock":  {"root/.phlb/catalog.ql.tmp-N/lock", "root/.phlb/catalog.ql.tmp-N/lock"},
		"/b/rootless": {"", ""},
	} {
		name, ok := l.path(path)
		if name != want[0] || ok != (want[0] != "") || ok && l.class(name) != want[1] {
			t.Errorf("%s is %q of class %q, want %q", path, name, l.class(name), want)
		}
	}
}
