package engine_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

// paths lists what Files yields.
func (r *repo) paths(s *engine.Snapshot, glob string) (list []string) {
	r.Helper()
	for e, err := range r.engine().Files(r.Context(), s, glob) {
		r.must(err)
		list = append(list, e.Path)
	}
	return list
}

// told lists versions as PATH SIZE: SNAPSHOTS, which are numbered.
func (r *repo) told(of func(*engine.Engine) func(func(*engine.Version, error) bool)) (list []string) {
	r.Helper()
	for v, err := range of(r.engine()) {
		r.must(err)
		text := fmt.Sprintf("%s %d:", v.Path, v.Size)
		for _, s := range v.Snapshots {
			text += fmt.Sprintf(" %d", s.ID)
			if _, err := os.Lstat(filepath.Join(s.Path, v.Path)); err != nil {
				r.Error(err)
			}
		}
		list = append(list, text)
	}
	return list
}

func TestFiles(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("b.txt", "b", "a/c.jpg", "c", "a/deep/d.jpg", "d")
	first := r.backup()
	r.must(os.Remove(r.in("b.txt")))
	r.write("a/e.jpg", "e")
	second := r.backup()
	for _, test := range []struct {
		of         *engine.Snapshot
		glob, want string
	}{
		{first, "", ". a b.txt a/c.jpg a/deep a/deep/d.jpg"},
		{first, "*.jpg", "a/c.jpg a/deep/d.jpg"},
		{first, "a/*.jpg", "a/c.jpg"},
		{first, "a/**", "a/c.jpg a/deep a/deep/d.jpg"},
		{first, "d*", "a/deep a/deep/d.jpg"},
		{first, "none", ""},
		{second, "*.*", ". a/c.jpg a/e.jpg a/deep/d.jpg"},
	} {
		got := r.paths(test.of, test.glob)
		want := strings.Fields(test.want)
		slices.Sort(got)
		slices.Sort(want)
		if test.glob == "*.*" {
			want = want[1:] // the root has no name
			got = slices.DeleteFunc(got, func(p string) bool { return p == "." })
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s %q: %q, want %q", test.of.Ref(), test.glob, got, want)
		}
	}
	for range r.engine().Files(t.Context(), first, "") {
		break
	}
	t.Run("ErrPattern", func(t *testing.T) {
		for _, err := range r.engine().Files(t.Context(), first, "[") {
			if err == nil || !strings.Contains(err.Error(), `"["`) {
				t.Error(err)
			}
		}
	})
	t.Run("ErrCancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		for _, err := range r.engine().Files(ctx, first, "") {
			if n++; n == 1 {
				cancel()
			} else if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if n != 2 {
			t.Errorf("%d entries", n)
		}
	})
	t.Run("ErrNoManifest", func(t *testing.T) {
		r.must(os.Remove(second.Path + ".sha256.gz"))
		n := 0
		for _, err := range r.engine().Files(t.Context(), second, "") {
			if n++; err == nil || !errors.Is(err, os.ErrNotExist) {
				t.Error(err)
			}
		}
		if n != 1 {
			t.Errorf("%d errors", n)
		}
	})
}

func TestVersionsAndHolders(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("x", "one", "sub/y", "same")
	r.backup()
	r.write("z", "same")
	r.backup()
	r.write("x", "three")
	r.backup()
	versions := func(path, name string) []string {
		return r.told(func(e *engine.Engine) func(func(*engine.Version, error) bool) {
			return e.Versions(t.Context(), path, name)
		})
	}
	same := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	same(versions("x", ""), "x 5: 3", "x 3: 2 1")
	same(versions("./sub//y", "source"), "sub/y 4: 3 2 1")
	same(versions("x", "other"))
	same(versions(r.in("x"), ""), "x 5: 3", "x 3: 2 1")
	same(versions(filepath.Join(r.snapshots()[1].Path, "sub/y"), ""), "sub/y 4: 3 2 1")
	same(versions("/elsewhere/x", ""))

	holders := r.told(func(e *engine.Engine) func(func(*engine.Version, error) bool) {
		return e.Holders(t.Context(), manifest.Digest256(sha256.Sum256([]byte("same"))))
	})
	same(holders, "sub/y 4: 3 2 1", "z 4: 3 2")
	for range r.engine().Versions(t.Context(), "x", "") {
		break
	}
	t.Run("ErrNoRoot", func(t *testing.T) {
		r := newRepo(t)
		for _, err := range r.engine().Versions(t.Context(), "x", "") {
			if !errors.Is(err, engine.ErrNoRoot) {
				t.Error(err)
			}
		}
	})
}
