package engine_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

// host returns another machine: with a source and a catalog of its own, and the
// root of r.
func (r *repo) host(name string) *repo {
	r.Helper()
	dir := r.TempDir()
	other := newRepoIn(r.TB, dir)
	other.source, other.root = filepath.Join(dir, name), r.root
	other.must(os.Mkdir(other.source, 0o755))
	other.config = settings(r.root)
	other.config.Catalog = filepath.Join(dir, "catalog.ql")
	other.boot, other.now, other.level = "boot of "+name, r.now, slog.LevelWarn
	return other
}

// refs lists the snapshots that r's catalog knows, in order.
func (r *repo) refs() (list []string) {
	r.Helper()
	for _, s := range r.snapshots() {
		list = append(list, s.Ref().String())
	}
	slices.Sort(list)
	return list
}

// quiet checks that nothing was logged since the last look at the log but that the
// root was made.
func (r *repo) quiet() {
	r.Helper()
	for line := range strings.Lines(r.log.take()) {
		if !strings.Contains(line, "made a new backup root") {
			r.Errorf("logged: %s", line)
		}
	}
}

// TestHosts has machines share a root, each with a catalog of its own: what they
// learn of each other is in the manifests.
func TestHosts(t *testing.T) {
	t.Parallel()
	t.Run("Linked", func(t *testing.T) {
		r := newRepo(t)
		ann, bob := r.host("ann"), r.host("bob")
		ann.write("letters/1", "dear Bob", "own", "of Ann")
		first := ann.backup()
		bob.write("post/from Ann", "dear Bob", "own", "of Bob")
		second := bob.backup()
		bob.counts(second, 0, 1, 1)
		bob.together(true, filepath.Join(first.Path, "letters/1"), filepath.Join(second.Path, "post/from Ann"))
		bob.together(false, filepath.Join(first.Path, "own"), filepath.Join(second.Path, "own"))
		for _, r := range []*repo{ann, bob} {
			for _, s := range r.snapshots() {
				r.indexed(s)
			}
			r.quiet()
		}
		if _, err := os.Stat(filepath.Join(r.root, ".phlb", "catalog.ql")); !errors.Is(err, os.ErrNotExist) {
			t.Error("there is a catalog that nobody asked for:", err)
		}
	})
	t.Run("NewManifestsOnly", func(t *testing.T) {
		// Manifests that are known could be anything, they are not looked at.
		r := newRepo(t)
		ann, bob := r.host("ann"), r.host("bob")
		ann.write("a", "1")
		bob.write("b", "1")
		bob.backup()
		var old []*engine.Snapshot
		for i := range 3 {
			ann.write("a", fmt.Sprint("version ", i))
			old = append(old, ann.backup())
		}
		bob.backup() // and so publishes what it has learnt
		for _, s := range old[:2] {
			bob.must(os.WriteFile(s.Path+manifest.Suffix, []byte("unreadable"), 0o644))
		}
		ann.write("a", "the last")
		last := ann.backup()
		if got := len(bob.snapshots()); got != 6 {
			t.Errorf("bob knows %d snapshots, want 6", got)
		}
		bob.indexed(last)
		bob.write("copy", "the last")
		bob.counts(bob.backup(), 1, 1, 0)
		ann.quiet()
		bob.quiet()
	})
	t.Run("Overlapping", func(t *testing.T) {
		r := newRepo(t)
		hosts := []*repo{r.host("ann"), r.host("bob"), r.host("eve")}
		const rounds = 4
		var g sync.WaitGroup
		errs := make([]error, len(hosts))
		for i, h := range hosts {
			h.write("own", h.source, "shared", "by all")
			g.Go(func() {
				for n := range rounds {
					path := h.in(fmt.Sprint("file", n))
					err := os.WriteFile(path, fmt.Appendf(nil, "of round %d", n), 0o644)
					if err == nil {
						_, err = h.try(engine.Source{})
					}
					errs[i] = errors.Join(errs[i], err)
				}
			})
		}
		g.Wait()
		r.must(errors.Join(errs...))
		want := hosts[0].refs()
		if len(want) != rounds*len(hosts) {
			t.Errorf("%d snapshots: %v", len(want), want)
		}
		for _, h := range hosts {
			if got := h.refs(); !slices.Equal(got, want) {
				t.Errorf("%s knows %v, and not %v", h.source, got, want)
			}
			for _, s := range h.snapshots() {
				h.check(s)
				h.indexed(s)
			}
			h.quiet()
		}
	})
	t.Run("Removed", func(t *testing.T) {
		r := newRepo(t)
		ann, bob := r.host("ann"), r.host("bob")
		ann.write("a", "1")
		bob.write("b", "1")
		old := ann.backup()
		ann.write("a", "2")
		ann.backup()
		bob.backup()
		_, err := ann.engine().Remove(t.Context(), old)
		ann.must(err)
		if got, want := bob.refs(), ann.refs(); len(got) != 2 || !slices.Equal(got, want) {
			t.Errorf("bob knows %v, ann %v", got, want)
		}
		bob.write("c", "2")
		bob.counts(bob.backup(), 1, 1, 0)
	})
}
