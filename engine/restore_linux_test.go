package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
)

// TestRestoreFull comes to the end of the target's space.
func TestRestoreFull(t *testing.T) {
	t.Parallel()
	at := mount(t, "tmpfs", 2)
	r := newRepo(t)
	for i := range 40 {
		r.write(fmt.Sprintf("d%d/file", i), strings.Repeat(fmt.Sprint(i), 100<<10))
	}
	s := r.backup()
	done, err := r.tryRestore(s, engine.Restoration{To: filepath.Join(at, "to")})
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "no space left in "+at+"/to after") {
		t.Errorf("error is %v", err)
	}
	got, want := tree(t, filepath.Join(at, "to")), tree(t, r.source)
	files := int64(0)
	for path, n := range got {
		if n.kind == 0 && n.like() != want[path].like() {
			t.Errorf("%s is half-made: %+v", path, n)
		}
		if n.kind == 0 {
			files++
		}
	}
	if done == nil || done.Files != files {
		t.Errorf("%d files are there, and restored are said to be %v", files, done)
	}
	if len(got) < 4 {
		t.Errorf("there are %d paths only", len(got))
	}
}

// TestRestoreReadOnly has a target that nothing can be written to.
func TestRestoreReadOnly(t *testing.T) {
	t.Parallel()
	at := mount(t, "tmpfs", 2)
	r := newRepo(t)
	r.write("a", "1", "b", "2")
	s := r.backup()
	r.must(unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	for _, to := range []string{at, filepath.Join(at, "to")} {
		if _, err := r.tryRestore(s, engine.Restoration{To: to}); !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: error is %v", to, err)
		}
	}
}

// TestRestoreNoLinks has a target without hardlinks, symbolic links and owners.
func TestRestoreNoLinks(t *testing.T) {
	t.Parallel()
	at := mount(t, "vfat", 4)
	r := newRepo(t)
	r.write("a", "one", "sub/c", "three")
	r.must(os.Link(r.in("a"), r.in("sub/b")))
	r.must(os.Symlink("a", r.in("link")))
	s := r.backup()
	done := r.restore(s, engine.Restoration{To: filepath.Join(at, "to")})
	for path, want := range map[string]string{"a": "one", "sub/b": "one", "sub/c": "three"} {
		if got, err := os.ReadFile(filepath.Join(at, "to", path)); err != nil || string(got) != want {
			t.Errorf("%s holds %q (%v), want %q", path, got, err, want)
		}
	}
	if done.Files != 3 || done.Linked != 0 {
		t.Errorf("restored %+v", *done)
	}
	var found []string
	for _, p := range done.Problems {
		found = append(found, p.What+" "+strings.SplitN(p.Detail, ":", 2)[0])
	}
	if got := strings.Join(found, ", "); !strings.Contains(got, "inexact hardlink") || !strings.Contains(got, "unwritable make symlink") {
		t.Errorf("problems are %v", done.Problems)
	}
}

// TestRestoreKill kills a restore at some moments: under a final name lies what
// is whole or nothing, and a further run completes it.
func TestRestoreKill(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.manyFolders(300, 64<<10)
	r.write("large", strings.Repeat("0123456789abcdef", 1<<19))
	r.must(os.Link(r.in("large"), r.in("d0200/large")))
	s := r.backup()
	want := tree(t, r.source)
	o := order{Root: r.root, Name: s.Ref().String(), Restore: engine.Restoration{To: r.to("to"), Overwrite: engine.Newer}}
	start := time.Now()
	whole := o
	whole.Restore.To = r.to("whole")
	runChild(t, whole)
	takes := time.Since(start)
	for i := range 6 {
		c := startChild(t, o)
		time.Sleep(takes * time.Duration(i) / 8)
		r.must(c.Process.Kill())
		c.finish() // there is an answer, if the kill came late
		if _, err := os.Stat(r.to("to")); err != nil {
			continue
		}
		for path, n := range tree(t, r.to("to")) {
			if n.kind == 0 && !strings.Contains(path, ".phlb-") && n.like() != want[path].like() {
				t.Errorf("%s is half-made: %+v, want %+v", path, n.like(), want[path].like())
			}
		}
	}
	r.restore(s, engine.Restoration{Overwrite: engine.Always, Delete: true})
	r.equal(r.to("to"), r.source)
}

func TestRestoreCancel(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.manyFolders(50, 10)
	s := r.backup()
	r.place("to", "extra", "x")
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("interrupted")
	cancel(cause)
	_, err := r.engine().Restore(ctx, s, engine.Restoration{To: r.to("to"), Delete: true})
	if !errors.Is(err, cause) {
		t.Errorf("error is %v, want %v", err, cause)
	}
	r.holds("to/extra", "x")
}
