package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// partials returns what runs that were cut off have left.
func (r *repo) partials() []string {
	r.Helper()
	found, err := filepath.Glob(filepath.Join(r.root, "*", "*.partial"))
	r.must(err)
	return found
}

// TestKill kills a run at random moments, over and over.
func TestKill(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := newRepo(t)
	change := func(n int) {
		for i := range n {
			path := fmt.Sprintf("d%d/e%d/f%d", random.IntN(20), random.IntN(5), random.IntN(30))
			r.write(path, strings.Repeat(fmt.Sprint(random.Uint64(), " "), 1+i%200))
		}
		r.write("large", strings.Repeat(fmt.Sprint(random.Uint64()), 1<<17))
		r.must(os.RemoveAll(r.in("link")))
		r.must(os.Link(r.in("large"), r.in("link")))
	}
	change(600)
	o := order{Root: r.root, Source: r.source, Boot: "boot-1", Later: time.Hour}
	start := time.Now()
	runChild(t, order{Root: filepath.Join(t.TempDir(), "other"), Source: r.source, Boot: "boot-1"})
	takes := time.Since(start)

	checked := map[string]bool{}
	for range rounds(20) {
		victim := startChild(t, o)
		time.Sleep(time.Duration(random.Int64N(int64(takes))))
		r.must(victim.Process.Kill())
		victim.finish() // there may be an answer, if the kill came late
		if left := r.partials(); len(left) > 1 {
			t.Errorf("there are %q", left)
		}
		for _, s := range r.snapshots() {
			if !checked[s.Stamp] {
				checked[s.Stamp] = true
				r.check(s)
			}
		}
		if len(checked) > 0 && random.IntN(3) == 0 {
			change(100)
		}
	}
	r.now = clock(time.Now().Add(2 * time.Hour))
	s := r.backup()
	r.alike(s)
	if left := r.partials(); len(left) > 0 {
		t.Errorf("the last run left %q", left)
	}
	for _, s := range r.snapshots() {
		r.check(s)
		r.indexed(s)
	}
}

// interrupt makes a backup that ends when it comes to a path.
func (r *repo) interrupt(path string) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.tick()
	_, err := r.engine().Backup(ctx, engine.Source{Root: r.source, Rules: walk.Rules{
		Where: func(_ int, e *walk.Entry) (bool, error) {
			if e.Path == path {
				cancel()
			}
			return true, nil
		},
	}})
	if !errors.Is(err, context.Canceled) {
		r.Fatalf("error is %v, want %v", err, context.Canceled)
	}
}

// manyFolders makes n folders of one file each: more than are worked on at a
// time.
func (r *repo) manyFolders(n, size int) {
	for i := range n {
		r.write(fmt.Sprintf("d%04d/file", i), fmt.Sprintf("%064d", i)+strings.Repeat(".", size))
	}
}

func TestTakeOver(t *testing.T) { // alone: what the process reads is counted
	const n, atLeast = 400, 150
	bytesRead(t) // or skips
	for _, test := range []struct{ name, boot string }{{"SameBoot", "boot-1"}, {"OtherBoot", "boot-2"}, {"NoBoot", ""}} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			r.manyFolders(n, 20<<10)
			r.interrupt("d0350/file")
			if len(r.partials()) != 1 {
				t.Fatalf("there are %q", r.partials())
			}
			// Cut off again at once: what the first one had must not get lost.
			r.interrupt("d0001/file")
			if r.boot = test.boot; test.boot != "boot-1" {
				// As a power loss may leave it: of that size and time, but not the content.
				for _, path := range []string{"d0010/file", "d0020/file"} {
					lost, err := filepath.Glob(filepath.Join(r.partials()[0], "previous", "tree", path))
					r.must(err)
					if len(lost) != 1 {
						t.Fatalf("%s is not in the partial", path)
					}
					info, err := os.Stat(lost[0])
					r.must(err)
					r.must(os.WriteFile(lost[0], make([]byte, info.Size()), 0o644))
					r.must(os.Chtimes(lost[0], time.Time{}, info.ModTime()))
				}
			}
			before := bytesRead(t)
			s, err := r.try(engine.Source{})
			read := bytesRead(t) - before
			r.must(err)
			r.check(s)
			r.alike(s)
			if s.Linked < atLeast || s.Linked+s.New != n {
				t.Errorf("%d linked, %d new; want at least %d linked", s.Linked, s.New, atLeast)
			}
			if test.boot == "boot-1" && read > s.NewBytes+s.Bytes/4 {
				t.Errorf("%d bytes were read for %d new ones", read, s.NewBytes)
			}
			if left := r.partials(); len(left) > 0 {
				t.Errorf("there are %q", left)
			}
			r.logged("taking over")
			s, err = r.try(engine.Source{})
			r.must(err)
			r.counts(s, n, 0, 0)
		})
	}
}

// TestTakeOverHealed has a run link to a file that is rotten, and get cut off. The
// rot is found and mended elsewhere before the next run takes over.
func TestTakeOverHealed(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.manyFolders(400, 1000)
	first := r.backup()
	rotten := filepath.Join(first.Path, "d0010", "file")
	r.rot(rotten)
	rot, err := os.ReadFile(rotten)
	r.must(err)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err = r.engine().Backup(ctx, engine.Source{Root: r.source, Name: "other", Rules: walk.Rules{
		Where: func(_ int, e *walk.Entry) (bool, error) {
			if e.Path == "d0350/file" {
				cancel()
			}
			return true, nil
		},
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v, want %v", err, context.Canceled)
	}
	left := filepath.Join(r.partials()[0], "tree", "d0010", "file")
	r.together(true, rotten, left)

	// A good copy to heal from.
	good, err := os.ReadFile(r.in("d0010/file"))
	r.must(err)
	r.write("copy", string(good))
	r.must(os.Chmod(r.in("copy"), 0o400))
	_, err = r.try(engine.Source{})
	r.must(err)
	r.verify(first, heal)
	if noted := r.noted(); len(noted) > 0 {
		t.Errorf("the catalog still knows of the damage %v", noted)
	}
	// As a heal leaves it that does not know of the partial.
	r.must(os.RemoveAll(left))
	r.must(os.WriteFile(left, rot, 0o644))
	info, err := os.Stat(r.in("d0010/file"))
	r.must(err)
	r.must(os.Chtimes(left, time.Time{}, info.ModTime()))

	s, err := r.try(engine.Source{Name: "other"})
	r.must(err)
	r.check(s)
	r.alike(s)
	if s.Linked < 150 {
		t.Errorf("%d linked, %d new: the run that was cut off is not taken over", s.Linked, s.New)
	}
}

// TestTakeOverNothing starts after runs that left nothing of use.
func TestTakeOverNothing(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "sub/b", "2")
	r.must(os.MkdirAll(filepath.Join(r.root, "source"), 0o755))
	for stamp, files := range map[string][]string{
		"2001-01-01-000000": nil,
		"2001-01-01-000001": {"tree/a"},
		"2001-01-01-000002": {"manifest" + manifest.Suffix, "log", "copy-1", "tree/sub/b"},
		"2001-01-01-000003": {"previous/tree/a", "previous/manifest" + manifest.Suffix},
	} {
		for _, file := range append(files, "x") {
			path := filepath.Join(r.root, "source", stamp+".partial", file)
			r.must(os.MkdirAll(filepath.Dir(path), 0o755))
			r.must(os.WriteFile(path, []byte("garbage"), 0o644))
		}
		s := r.backup()
		r.alike(s)
		if left := r.partials(); len(left) > 0 {
			t.Errorf("there are %q", left)
		}
	}
}
