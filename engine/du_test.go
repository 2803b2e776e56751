package engine_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
)

// du tells what Du says, as PATH FILES BYTES NEW ONLY in lines.
func (r *repo) du(s *engine.Snapshot, folder string, depth int) string {
	r.Helper()
	all, err := r.engine().Du(r.Context(), s, folder, depth)
	r.must(err)
	var lines []string
	for _, u := range all {
		lines = append(lines, fmt.Sprintf("%s %d %d %d %d", u.Path, u.Files, u.Bytes, u.NewBytes, u.OnlyBytes))
	}
	return strings.Join(lines, "\n")
}

func TestDu(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("top.txt", "1", "a/one", "22", "a/deep/two", "333", "a/deep/er/three", "4444", "b/copy", "4444", "ab/empty", "")
	r.must(os.Mkdir(r.in("hollow"), 0o755))
	first := r.backup()
	r.must(os.Remove(r.in("a/one")))
	r.write("b/fresh", "55555", "b/again", "55555", "a/deep/two", "changed")
	second := r.backup()

	for _, test := range []struct {
		of     *engine.Snapshot
		folder string
		depth  int
		want   string
	}{
		{first, "", 0, ". 6 14 10 5"},
		{first, "", 1, ". 6 14 10 5\na 3 9 9 5\nb 1 4 0 0\nab 1 0 0 0\nhollow 0 0 0 0"},
		{first, "a", 1, "a 3 9 9 5\na/deep 2 7 7 3"},
		{first, "/a/deep/", 9, "a/deep 2 7 7 3\na/deep/er 1 4 4 0"},
		{first, "b", 0, "b 1 4 4 0"}, // of two names, the one that is looked at
		{first, "a/one", 3, "a/one 1 2 2 2"},
		{first, "hollow", 1, "hollow 0 0 0 0"},
		{second, ".", 1, ". 7 26 12 12\nb 3 14 5 5\na 2 11 7 7\nab 1 0 0 0\nhollow 0 0 0 0"},
	} {
		if got := r.du(test.of, test.folder, test.depth); got != test.want {
			t.Errorf("%s %q, %d deep:\n%s\nwant\n%s", test.of.Ref(), test.folder, test.depth, got, test.want)
		}
	}
	for _, folder := range []string{"none", "a/on", "a/one/x", "../a/x"} {
		if _, err := r.engine().Du(t.Context(), first, folder, 1); !errors.Is(err, engine.ErrNoPath) {
			t.Errorf("du of %q: %v", folder, err)
		}
	}
}

// TestDuFrees holds the sums against the tree itself, and what only a snapshot holds
// against what its removal frees, in roots with files that share inodes across names,
// folders and snapshots.
func TestDuFrees(t *testing.T) {
	t.Parallel()
	freed := int64(0)
	for seed := range uint64(4) {
		r := newRepo(t)
		rnd := rand.New(rand.NewPCG(seed, 7))
		var all []*engine.Snapshot
		for range 4 {
			for range 12 {
				path := fmt.Sprintf("d%d/e%d/f%d", rnd.IntN(3), rnd.IntN(3), rnd.IntN(4))
				if r.must(os.RemoveAll(r.in(path))); rnd.IntN(4) > 0 {
					r.write(path, strings.Repeat(string(rune('a'+rnd.IntN(8))), 1+rnd.IntN(9)))
				}
			}
			s := r.backup()
			all = append(all, s)
			usages, err := r.engine().Du(t.Context(), s, "", 0)
			r.must(err)
			if whole := usages[0]; whole.NewBytes != s.NewBytes || whole.Bytes != s.Bytes {
				t.Errorf("seed %d, %s: %+v, and the run has stored %d of %d", seed, s.Ref(), whole, s.NewBytes, s.Bytes)
			}
		}
		for _, s := range all[:3] {
			usages, err := r.engine().Du(t.Context(), s, "", 2)
			r.must(err)
			for _, u := range usages {
				var files, bytes int64
				r.must(filepath.WalkDir(filepath.Join(s.Path, u.Path), func(_ string, d fs.DirEntry, err error) error {
					if err == nil && d.Type().IsRegular() {
						info, err := d.Info()
						r.must(err)
						files, bytes = files+1, bytes+info.Size()
					}
					return err
				}))
				if u.Files != files || u.Bytes != bytes {
					t.Errorf("seed %d, %s of %s: %d files of %d bytes, and the tree has %d of %d", seed, u.Path, s.Ref(), u.Files, u.Bytes, files, bytes)
				}
			}
			for _, whole := range usages {
				var new, only int64
				for _, part := range usages {
					if filepath.Dir(part.Path) == whole.Path && part != whole {
						new, only = new+part.NewBytes, only+part.OnlyBytes
					}
				}
				if strings.Contains(whole.Path, "/") {
					continue // as deep as we look
				}
				if whole.NewBytes != new || whole.OnlyBytes != only { // no file lies above d and e
					t.Errorf("seed %d, %s: %+v, and its parts add up to %d and %d", seed, s.Ref(), whole, new, only)
				}
			}
			removed, err := r.engine().Remove(t.Context(), s)
			r.must(err)
			if removed.Bytes != usages[0].OnlyBytes {
				t.Errorf("seed %d: the removal of %s has freed %d, and only it held %d", seed, s.Ref(), removed.Bytes, usages[0].OnlyBytes)
			}
			freed += removed.Bytes
		}
	}
	if freed == 0 {
		t.Error("nothing was freed at all")
	}
}

// TestDuPlanned holds that a dry run can ask what its snapshot would take.
func TestDuPlanned(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a/one", "22", "b/two", "333")
	r.backup()
	r.write("b/three", "4444")
	e := engine.Open(r.config, engine.Environment{Host: "testhost", Boot: r.boot, TempDir: t.TempDir(), Now: r.now, DryRun: true, Log: slog.DiscardHandler})
	defer e.Close()
	s, err := e.Backup(t.Context(), engine.Source{Root: r.source})
	r.must(err)
	all, err := e.Du(t.Context(), s, "", 1)
	r.must(err)
	var got []string
	for _, u := range all {
		got = append(got, fmt.Sprintf("%s %d %d %d %d", u.Path, u.Files, u.Bytes, u.NewBytes, u.OnlyBytes))
	}
	if want := []string{". 3 9 4 4", "b 2 7 4 4", "a 1 2 0 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
