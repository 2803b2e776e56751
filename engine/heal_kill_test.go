package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/store"
)

// listener hears what is done with each path.
type listener func(message, path string)

func (l listener) Enabled(context.Context, slog.Level) bool { return true }

func (l listener) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "path" {
			l(r.Message, a.Value.String())
		}
		return true
	})
	return nil
}

func (l listener) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l listener) WithGroup(string) slog.Handler { return l }

// heard returns an engine whose log is told to hear.
func (r *repo) heard(hear listener) *engine.Engine {
	return engine.Open(r.config, engine.Environment{
		Host: "testhost", Boot: r.boot, Owner: "the test", TempDir: os.TempDir(), Now: r.now, Log: hear,
	})
}

func (r *repo) openRoot() *store.Root {
	r.Helper()
	root, err := store.Open(r.root)
	r.must(err)
	r.Cleanup(root.Close)
	return root
}

var us = store.Owner{Who: "the test", Host: "testhost"}

// Reading takes hours where there is much: others seal meanwhile.
func TestHealReadsWithoutLock(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"Link", "Copy"} {
		t.Run(how, func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "content", "b", "content")
			r.must(os.Chmod(r.in("b"), 0o400)) // two inodes, on Windows too
			first := r.rotten("a")
			if how == "Link" {
				r.backup()
			}
			root := r.openRoot()
			read := 0
			e := r.heard(func(message, path string) {
				if message != "read again" {
					return
				}
				read++
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				lock, err := root.LockSeal(ctx, us)
				if err != nil {
					t.Errorf("after %s was read: %v", path, err)
					return
				}
				lock.Unlock()
			})
			_, err := e.Verify(context.Background(), first, heal)
			r.must(err)
			if read < 2 {
				t.Errorf("%d files were read", read)
			}
			r.whole(first)
		})
	}
}

// What was read may have changed by the time it is linked to.
func TestHealLooksAgain(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	first := r.rotten("a")
	second := r.backup()
	read := 0
	e := r.heard(func(message, path string) {
		if message != "read again" {
			return
		}
		if read++; read == 2 { // the good one, by now
			r.rot(filepath.Join(second.Path, "a"))
		}
	})
	report, err := e.Verify(context.Background(), first, heal)
	r.must(err)
	_, _, unhealed := report.Counts()
	if unhealed == 0 {
		t.Errorf("found %v", report.Problems)
	}
	r.together(false, filepath.Join(first.Path, "a"), filepath.Join(second.Path, "a"))
	if len(r.noted()) == 0 {
		t.Error("the damage is forgotten")
	}
}

// A heal that is cut off between two paths of a rotten inode leaves it known.
func TestHealCutOff(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "good", "content")
	r.must(os.Chmod(r.in("good"), 0o400))
	first := r.backup()
	second := r.backup()
	r.rot(filepath.Join(first.Path, "a"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := r.heard(func(message, path string) {
		if message == "mended" {
			if len(r.noted()) != 1 {
				t.Errorf("%s is mended, and %v is noted", path, r.noted())
			}
			cancel()
		}
	})
	if _, err := e.Verify(ctx, first, heal); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if len(r.noted()) != 1 {
		t.Errorf("%v is noted", r.noted())
	}
	third := r.backup() // links to no rotten file
	r.verify(first, heal)
	for _, s := range []*engine.Snapshot{first, second, third} {
		r.whole(s)
	}
}

// What a run that was cut off has linked to is taken out of what it has left.
func TestHealUnsealed(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		r := newRepo(t)
		r.write("a", "content", "sub/b", "good")
		s := r.backup()
		var left []string
		for _, tree := range []string{"tree", "previous/tree"} {
			dir := filepath.Join(r.root, "other", "2026-11-22-110000.partial", tree, "sub")
			r.must(os.MkdirAll(dir, 0o700))
			for to, from := range map[string]string{"a": "a", "b": "sub/b"} {
				r.must(os.Link(filepath.Join(s.Path, from), filepath.Join(dir, to)))
			}
			left = append(left, filepath.Join(dir, "a"))
		}
		r.rot(filepath.Join(s.Path, "a"))
		r.verify(s, all)
		r.write("a", "content, changed")
		r.write("c", "content")
		second := r.backup()
		want := []string{"content: a", "healed: a", "healed: sub/a", "healed: sub/a"}
		if running {
			lock, err := r.openRoot().LockName(context.Background(), "other", us, false)
			r.must(err)
			defer lock.Unlock()
			want = []string{"content: a", "healed: a", "unhealed: .", "unhealed: ."}
		}
		r.wantProblems(r.verify(s, heal), want...)
		for _, path := range left {
			if _, err := os.Lstat(path); (err == nil) != running {
				t.Errorf("a run is under way: %v; %s: %v", running, path, err)
			}
			if _, err := os.Lstat(filepath.Join(filepath.Dir(path), "b")); err != nil {
				t.Error(err)
			}
		}
		if noted := r.noted(); (len(noted) == 1) != running {
			t.Errorf("a run is under way: %v; %v is noted", running, noted)
		}
		r.wantProblems(r.verify(second, all))
	}
}

// What a heal that was killed has left beside a file does not stay.
func TestHealSweeps(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("sub/a", "content")
	r.must(os.Symlink("a", r.in("sub/link")))
	s := r.backup()
	before := tree(r, s.Path)
	r.keepingMtime(filepath.Join(s.Path, "sub"), func() {
		r.must(os.Symlink("a", filepath.Join(s.Path, "sub", ".phlb-0123456789abcdef~")))
		r.must(os.WriteFile(filepath.Join(s.Path, "sub", ".phlb-0123456789abcdee~"), []byte("con"), 0o600))
	})
	report := r.verify(s, heal)
	r.wantProblems(report, "healed: sub/.phlb-0123456789abcdee~", "healed: sub/.phlb-0123456789abcdef~")
	same(t, "swept", tree(r, s.Path), before)
	if got := report.Verdict(); !strings.HasPrefix(got, "no problems") {
		t.Errorf("the verdict is %q", got)
	}
	r.whole(s)
}

// A workshop of a heal that was killed goes with the next heal.
func TestHealSweepsWorkshops(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "content")
	r.must(os.Chmod(r.in("b"), 0o400))
	s := r.backup()
	left := filepath.Join(r.root, ".phlb", "new-0123456789abcdef")
	r.must(os.Mkdir(left, 0o700))
	r.must(os.WriteFile(filepath.Join(left, "lock"), nil, 0o600))
	r.rot(filepath.Join(s.Path, "a"))
	r.verify(s, heal)
	if found, err := filepath.Glob(filepath.Join(r.root, ".phlb", "new-*")); err != nil || len(found) > 0 {
		t.Errorf("%v is left, %v", found, err)
	}
	r.whole(s)
}

// healUnder heals a snapshot where one system call returns that error.
func (r *repo) healUnder(t *testing.T, s *engine.Snapshot, call, errno string) answer {
	t.Helper()
	tool(t, "strace")
	return runChild(t, order{Root: r.root, Boot: r.boot, Name: s.Ref().String(), Heal: true, Later: 2 * time.Hour,
		Under: []string{"strace", "-f", "-qq", "-o", filepath.Join(t.TempDir(), "trace"), "-e", "trace=" + call, "-e", "inject=" + call + ":error=" + errno}})
}

// A disk that may not have what was mended leaves the damage noted.
func TestHealNotSynced(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	first := r.rotten("a")
	second := r.backup()
	a := r.healUnder(t, first, "fsync", "EIO")
	if got := fmt.Sprint(a.Problems); a.Err != "" || !strings.Contains(got, "unhealed: .: what was mended may not be on the disk") {
		t.Errorf("error %q, found %v", a.Err, got)
	}
	if len(r.noted()) != 1 {
		t.Errorf("%v is noted", r.noted())
	}
	r.wantProblems(r.verify(first, heal))
	r.whole(first)
	r.whole(second)
}

// A folder that may not get its time back after a file in it was replaced is told of,
// and the next heal puts it right.
func TestHealTimeRefused(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("sub/a", "content")
	first := r.rotten("sub/a")
	second := r.backup()
	a := r.healUnder(t, first, "utimensat", "EPERM")
	if got := fmt.Sprint(a.Problems); a.Err != "" || !strings.Contains(got, "healed: sub/a: replaced") ||
		!strings.Contains(got, "unhealed: sub: the time of the folder could not be put back: utimensat .: operation not permitted") {
		t.Errorf("error %q, found %v", a.Err, got)
	}
	r.wantProblems(r.verify(first, heal), "healed: sub", "mtime: sub")
	r.whole(first)
	r.whole(second)
}
