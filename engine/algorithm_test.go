package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/engine/manifest"
	"phlb/engine/repository"
)

// What phlb.toml can ask for is what a manifest can be of.
func TestAlgorithms(t *testing.T) {
	var names []string
	for _, a := range manifest.Algorithms {
		names = append(names, a.String())
	}
	if !slices.Equal(names, config.Hashes) {
		t.Errorf("phlb.toml can ask for %q, a manifest can be of %q", config.Hashes, names)
	}
	r := newRepo(t)
	r.config.Hash = "md5"
	for what, run := range map[string]func() error{
		"Backup": func() error { _, err := r.try(engine.Source{}); return err },
		"Add":    func() error { _, err := r.engine().Adopt(t.Context(), ""); return err },
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), `hash: want sha256 or sha512, not "md5"`) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// hashedBy checks that all digests of a snapshot are by an algorithm, after which its
// manifest is called.
func (r *repo) hashedBy(s *engine.Snapshot, by string) {
	r.Helper()
	for path, e := range readManifest(r, s) {
		if got := e.Digest.Algorithm().String(); e.Kind == manifest.File && got != by {
			r.Errorf("%s: the digest of %q is by %s, want %s", s.Ref(), path, got, by)
		}
	}
	if path := s.Path + "." + by + ".gz"; manifestOf(s) != path {
		r.Errorf("the manifest is %s, want %s", manifestOf(s), path)
	}
}

// A change of the algorithm has all files read once where they are stored, and nothing
// is stored anew.
func TestOtherAlgorithm(t *testing.T) { // not in parallel: what the process reads is counted
	bytesRead(t) // or skips
	r := newRepo(t)
	big := strings.Repeat("0123456789abcdef", 1<<16)
	r.write("a", "same", "b", "same", "d/empty", "", "d/big", big, "d/e/c", "other")
	r.must(os.Link(r.in("d/big"), r.in("hard link")))
	first := r.backup()
	r.hashedBy(first, "sha256")
	for _, by := range []string{"sha512", "sha256", "sha512"} {
		r.config.Hash = by
		last := r.snapshots()[0]
		planned, err := r.dry().Backup(t.Context(), engine.Source{Root: r.source})
		r.must(err)
		if planned.Linked != 6 || planned.New != 0 {
			t.Errorf("a dry run foresees %+v", planned.Summary)
		}
		before := bytesRead(t)
		s, err := r.try(engine.Source{})
		r.must(err)
		if read := bytesRead(t) - before; read > 3*int64(len(big))/2 { // once for both of its names
			t.Errorf("%d bytes were read", read)
		}
		r.logged("by another algorithm")
		r.check(s)
		r.alike(s)
		r.indexed(s)
		r.counts(s, 0, 6, 0)
		r.hashedBy(s, by)
		for path, n := range tree(t, s.Path) {
			r.together(n.kind != os.ModeDir, filepath.Join(first.Path, path), filepath.Join(s.Path, path))
		}
		changes, err := r.engine().Diff(t.Context(), last, s)
		r.must(err)
		if len(changes) > 0 {
			t.Errorf("there is a difference: %+v", changes)
		}

		// From then on all is as ever.
		before = bytesRead(t)
		next, err := r.try(engine.Source{})
		r.must(err)
		if read := bytesRead(t) - before; read > int64(len(big))/2 {
			t.Errorf("%d bytes were read of an unchanged source", read)
		}
		r.counts(next, 6, 0, 0)
		r.check(next)
		r.indexed(next)
		r.hashedBy(next, by)
		r.wantProblems(r.verify(s, all))
	}
	r.wantProblems(r.verify(first, all))
	r.must(os.Remove(r.config.Catalog))
	for _, s := range r.snapshots() {
		r.indexed(s)
	}
}

// What was not read as it was stored gets no digest, and is not carried on.
func TestOtherAlgorithmOverRot(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "one", "b", "two")
	first := r.backup()
	r.rot(filepath.Join(first.Path, "a"))
	r.config.Hash = "sha512"
	s := r.backup()
	r.alike(s)
	r.counts(s, 0, 1, 1)
	r.logged("file was changed inside a snapshot")
	r.together(false, filepath.Join(first.Path, "a"), filepath.Join(s.Path, "a"))
	r.wantProblems(r.verify(s, all))
}

// A run that was cut off is taken over by one with another algorithm.
func TestOtherAlgorithmTakesOver(t *testing.T) {
	t.Parallel()
	const n, atLeast = 400, 150
	r := newRepo(t)
	r.manyFolders(n, 100)
	r.interrupt("d0350/file")
	r.config.Hash = "sha512"
	r.interrupt("d0001/file")
	s := r.backup()
	r.alike(s)
	r.indexed(s)
	r.hashedBy(s, "sha512")
	if s.Linked < atLeast || s.Linked+s.New != n {
		t.Errorf("%d linked, %d new; want at least %d linked", s.Linked, s.New, atLeast)
	}
}

// What is found rotten under one digest is mended in all snapshots that share the inode,
// also in those that have another digest of it.
func TestOtherAlgorithmHeals(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "content")
	r.must(os.Chmod(r.in("b"), 0o400)) // which is a mode everywhere
	r.backup()
	r.config.Hash = "sha512"
	s := r.backup()
	r.rot(filepath.Join(s.Path, "a"))
	r.restore(s, engine.Restoration{To: r.to("back")})
	r.holds("back/a", "content")
	report := r.verify(s, heal)
	if !slices.ContainsFunc(report.Problems, func(p engine.Problem) bool { return p.What == repository.Healed }) {
		t.Errorf("nothing was healed: %+v", report.Problems)
	}
	for _, s := range r.snapshots() {
		r.check(s)
		r.wantProblems(r.verify(s, all))
	}
	if noted := r.noted(); len(noted) > 0 {
		t.Errorf("the catalog still knows of the damage %v", noted)
	}
}

// What was found rotten under one digest is not linked to by another one either.
func TestOtherAlgorithmRemembersRot(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	first := r.backup()
	r.config.Hash = "sha512"
	s := r.backup()
	r.rot(filepath.Join(s.Path, "a"))
	if report := r.verify(s, all); len(report.Problems) != 1 {
		t.Fatalf("the rot was not found: %+v", report.Problems)
	}
	if noted := r.noted(); len(noted) != 2 {
		t.Errorf("the catalog knows of the damage %v, want both digests", noted)
	}
	r.config.Hash = "sha256"
	r.write("b", "content")
	last := r.backup()
	r.alike(last)
	r.together(false, filepath.Join(first.Path, "a"), filepath.Join(last.Path, "b"))
}
