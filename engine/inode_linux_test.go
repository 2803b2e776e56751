package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/walk"
)

// numbered makes files at path until one has that inode number, and reports
// whether the file system gave it to one. It is called by workers, which must
// not be ended.
func (r *repo) numbered(ino id, path, content string) bool {
	for i := range 3000 {
		made := fmt.Sprint(filepath.Dir(r.root), "/made-", i)
		var st unix.Stat_t
		if err := errors.Join(os.WriteFile(made, []byte(content), 0o644), unix.Lstat(made, &st)); err != nil {
			r.Error(err)
			return false
		}
		if st.Ino == ino.ino {
			if err := os.Rename(made, path); err != nil {
				r.Error(err)
				return false
			}
			return true
		}
	}
	return false
}

const notAgain = "the file system did not give the inode's number to another file"

func (r *repo) wantContent(path, want string) {
	r.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		r.Errorf("%s holds %q (%v), want %q", path, got, err, want)
	}
}

// during backs up, and calls change when the walk has come to z/first and the
// files before that were brought in.
func (r *repo) during(files int64, change func()) *engine.Snapshot {
	r.Helper()
	e := r.engine()
	var once sync.Once
	where := func(_ int, f *walk.Entry) (bool, error) {
		if f.Path == "z/first" {
			once.Do(func() {
				for e.Progress.Files.Load() < files {
					time.Sleep(time.Millisecond)
				}
				change()
			})
		}
		return true, nil
	}
	s, err := e.Backup(context.Background(), engine.Source{Root: r.source, Rules: walk.Rules{Where: where}})
	r.must(err)
	return s
}

// The names of an inode go, and another file gets its number: that is not what
// was stored under it.
func TestInodeNumberUsedAgain(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a/x", "old content", "z/first", "first", "z/p", "soon another")
	r.must(os.Link(r.in("a/x"), r.in("a/y")))
	ino := r.inode(r.in("a/x"))
	again := false
	s := r.during(2, func() {
		err := errors.Join(os.Remove(r.in("a/x")), os.Remove(r.in("a/y")), os.Remove(r.in("z/p")))
		if again = r.numbered(ino, r.in("z/p"), "another file"); again {
			err = errors.Join(err, os.Link(r.in("z/p"), r.in("z/q")))
		}
		if err != nil {
			t.Error(err)
		}
	})
	if !again {
		t.Skip(notAgain)
	}
	r.check(s)
	r.wantContent(filepath.Join(s.Path, "z/p"), "another file")
}

// A file with two names changes between the visits of these: restored, each has
// what was stored for it.
func TestGroupThatChanges(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a/x", "old content", "z/first", "first")
	r.must(os.Link(r.in("a/x"), r.in("z/y")))
	s := r.during(1, func() {
		if err := os.WriteFile(r.in("z/y"), []byte("new content, longer"), 0o644); err != nil {
			t.Error(err)
		}
	})
	r.check(s)
	to := t.TempDir()
	if _, err := r.engine().Restore(t.Context(), s, engine.Restoration{To: to}); err != nil {
		t.Fatal(err)
	}
	r.wantContent(filepath.Join(to, "a/x"), "old content")
	r.wantContent(filepath.Join(to, "z/y"), "new content, longer")
}

// A file that is replaced by a link sets its inode number free. Another file
// that gets it is read, and not taken for the one before.
func TestAdoptInodeNumberUsedAgain(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"KNOWN CONTENT", "of another length"} {
		t.Run(content, func(t *testing.T) {
			r := newRepo(t)
			r.write("c", "known content")
			sealed := r.backup()
			make := func(path, content string) string {
				path = filepath.Join(r.root, path)
				r.must(os.MkdirAll(filepath.Dir(path), 0o755))
				r.must(os.WriteFile(path, []byte(content), 0o644))
				r.must(os.Chmod(path, os.FileMode(lstat(r, filepath.Join(sealed.Path, "c")).mode)))
				return path
			}
			duplicate := make("n/2020-01-01-000000/duplicate", "known content")
			other := make("n/2020-01-02-000000/other", "x")
			ino := r.inode(duplicate)
			now := r.now
			var mu sync.Mutex
			replaced, again := false, false
			r.now = func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				var st unix.Stat_t
				if err := unix.Lstat(duplicate, &st); !replaced && err == nil && st.Ino != ino.ino {
					replaced = true
					again = r.numbered(ino, other, content)
				}
				return now()
			}
			r.adopt("")
			if !replaced {
				t.Fatal("the duplicate was not replaced")
			}
			if !again {
				t.Skip(notAgain)
			}
			r.wantContent(other, content)
			for _, s := range r.snapshots() {
				r.wantProblems(r.verify(s, all))
			}
		})
	}
}
