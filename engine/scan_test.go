package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/memory"
	"phlb/engine/walk"
)

func (r *repo) scan(source engine.Source, counts *engine.Counts) string {
	r.Helper()
	var paths []string
	for e, err := range r.engine().Scan(context.Background(), source, counts) {
		r.must(err)
		paths = append(paths, e.Path)
	}
	return strings.Join(paths, " ")
}

func TestScan(t *testing.T) {
	r := newRepo(t)
	r.write("b", "12", "a", "1", "dir/c", "123", "cache/d", "4")
	r.must(os.Symlink("a", r.in("link")))
	for _, test := range []struct {
		name  string
		rules walk.Rules
		want  string
		count engine.Counts
	}{
		{"All", walk.Rules{}, "a b link cache/d dir/c", engine.Counts{Files: 4, Bytes: 7}},
		{"SkipDirs", walk.Rules{SkipDirs: []string{"cache"}}, "a b link dir/c", engine.Counts{Files: 3, Bytes: 6, Skipped: 1, Folders: 1}},
		{"Skip", walk.Rules{Skip: []string{"b", "dir/*"}}, "a link cache/d", engine.Counts{Files: 2, Bytes: 2, Skipped: 2}},
		{"Where", walk.Rules{Where: func(_ int, e *walk.Entry) (bool, error) { return e.Kind == manifest.Symlink, nil }},
			"link", engine.Counts{Skipped: 4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var counts engine.Counts
			got := r.scan(engine.Source{Root: r.source, Rules: test.rules}, &counts)
			if got != test.want || counts != test.count {
				t.Errorf("found %q, counted %+v; want %q, %+v", got, counts, test.want, test.count)
			}
		})
	}
}

func TestScanCountsSkip(t *testing.T) {
	counts := engine.Counts{Files: 2, Bytes: 5, Skipped: 1}
	counts.Skip(&walk.Entry{Entry: manifest.Entry{Kind: manifest.File, Size: 3}})
	counts.Skip(&walk.Entry{Entry: manifest.Entry{Kind: manifest.Symlink, Size: 3}})
	if want := (engine.Counts{Files: 1, Bytes: 2, Skipped: 3}); counts != want {
		t.Errorf("counted %+v, want %+v", counts, want)
	}
}

// The backup root is no part of a source that it lies in.
func TestScanLeavesRootOut(t *testing.T) {
	r := newRepo(t)
	r.root = r.in("root")
	r.config = settings(r.root)
	r.write("a", "1")
	if got := r.scan(engine.Source{Root: r.source}, nil); got != "a" {
		t.Errorf("found %q without a root", got)
	}
	r.backup()
	if got := r.scan(engine.Source{Root: r.source}, nil); got != "a" {
		t.Errorf("found %q", got)
	}
}

func TestScanEnds(t *testing.T) {
	r := newRepo(t)
	r.write("a", "1", "b/c", "2")
	failed := errors.New("failed")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, test := range []struct {
		name   string
		ctx    context.Context
		source engine.Source
		want   error
	}{
		{"ErrWhere", context.Background(), engine.Source{Root: r.source, Rules: walk.Rules{
			Where: func(int, *walk.Entry) (bool, error) { return false, failed }}}, failed},
		{"ErrCanceled", ctx, engine.Source{Root: r.source}, context.Canceled},
		{"ErrRoot", context.Background(), engine.Source{Root: r.in("missing")}, os.ErrNotExist},
	} {
		t.Run(test.name, func(t *testing.T) {
			var last error
			for _, last = range r.engine().Scan(test.ctx, test.source, nil) {
			}
			if !errors.Is(last, test.want) {
				t.Errorf("ended with %v, want %v", last, test.want)
			}
		})
	}
	n := 0
	for range r.engine().Scan(context.Background(), engine.Source{Root: r.source}, nil) {
		if n++; n == 1 {
			break
		}
	}
	if n != 1 {
		t.Errorf("%d entries after a break", n)
	}
}

func TestSnapshotByName(t *testing.T) {
	r := newRepo(t)
	r.write("a", "1")
	first, second := r.backup(), r.backup()
	third, err := r.try(engine.Source{Name: "other"})
	r.must(err)
	t.Chdir(filepath.Join(r.root, "source"))
	for text, want := range map[string]*engine.Snapshot{
		"source": second, "source/latest": second, "source/" + first.Stamp: first, "source/" + first.Stamp + "/": first,
		first.Path: first, filepath.Join(r.root, "source", "latest"): second, first.Stamp: first, "latest": second,
		"other": third, "other/" + third.Stamp: third, "./" + second.Stamp: second,
	} {
		got, err := r.engine().Snapshot(context.Background(), text)
		if err != nil || got.Ref() != want.Ref() {
			t.Errorf("%s is %v, %v; want %s", text, got, err, want.Ref())
		}
	}
	for _, text := range []string{"", "nothing", "source/2001-01-01-000000", r.source, r.root, "other/" + first.Stamp, first.Path + "/a"} {
		if got, err := r.engine().Snapshot(context.Background(), text); !errors.Is(err, engine.ErrNoSnapshot) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, engine.ErrNoSnapshot)
		}
	}
	// Without its manifest it is none, but can become one again.
	r.must(os.Remove(first.Path + manifest.Suffix))
	if _, err := r.engine().Snapshot(context.Background(), "source/"+first.Stamp); !errors.Is(err, engine.ErrNoSnapshot) ||
		!strings.Contains(err.Error(), "phlb add") {
		t.Errorf("without a manifest: %v", err)
	}
}

// The number is the one that the catalog has in the end.
func TestSnapshotNumber(t *testing.T) {
	r := newRepo(t)
	r.write("a", "1")
	var meanwhile bool
	e := r.watched(func(e *engine.Engine) {
		if !meanwhile && strings.HasPrefix(e.Progress.Verb(), "seal ") {
			meanwhile = true
			_, err := r.try(engine.Source{Name: "meanwhile"})
			r.must(err)
		}
	})
	s, err := e.Backup(context.Background(), engine.Source{Root: r.source})
	r.must(err)
	for _, known := range r.snapshots() {
		if known.Ref() == s.Ref() && known.ID != s.ID {
			t.Errorf("number %d is known as %d", s.ID, known.ID)
		}
	}
}

// TestQueryMemory asks, in both languages, for rows that take more memory than there may be.
func TestQueryMemory(t *testing.T) {
	r := newRepo(t)
	for i := range 30 {
		r.write(fmt.Sprintf("f%d", i), "1")
	}
	r.backup()
	e := engine.Open(r.config, engine.Environment{
		Host: "here", Home: r.to("home"), TempDir: t.TempDir(), Now: r.now, Log: slog.NewTextHandler(r.log, nil),
		Memory: memory.InUse() + 64<<20,
	})
	large := strings.Repeat("x", 200_000)
	for statement, query := range map[string]func(context.Context, string, ...any) (*engine.Answer, error){
		"SELECT '" + large + "' || a.path FROM versions AS a, versions AS b, versions AS c, versions AS d": e.Query,
		`SELECT "` + large + `" + a.path FROM versions AS a, versions AS b, versions AS c, versions AS d`:  e.QueryQL,
	} {
		answer, err := query(t.Context(), statement)
		r.must(err)
		var kept [][]any
		var ended error
		n := 0
		for row, err := range answer.All {
			if ended = err; len(kept) < 900 {
				kept = append(kept, row)
			}
			if n++; n == 100_000 { // memory is looked at now and then
				break
			}
		}
		r.must(answer.Close())
		if !errors.Is(ended, memory.ErrTooMuch) {
			t.Errorf("%.10s… ended with %v after %d rows", statement, ended, n)
		}
		runtime.KeepAlive(kept)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	ask := map[string]func(context.Context, string, ...any) (*engine.Answer, error){
		"SELECT path, size FROM versions WHERE size > ? AND kind = ?":   r.engine().Query,
		"SELECT path, size FROM versions WHERE size > $1 && kind == $2": r.engine().QueryQL,
	}
	for _, query := range ask {
		if _, err := query(t.Context(), "SELECT id FROM snapshots"); !errors.Is(err, engine.ErrNoRoot) {
			t.Errorf("error %v, want %v", err, engine.ErrNoRoot)
		}
	}
	r.write("a", "1", "b", "12")
	r.backup()
	for statement, query := range ask {
		r.must(os.Remove(r.config.Catalog)) // made from the manifests where it is missing
		answer, err := query(t.Context(), statement, int64(1), "f")
		r.must(err)
		n := 0
		for row, err := range answer.All {
			r.must(err)
			if n++; row[0] != "b" || row[1] != int64(2) {
				t.Errorf("row %v", row)
			}
		}
		r.must(answer.Close())
		if n != 1 || !slices.Equal(answer.Columns, []string{"path", "size"}) {
			t.Errorf("%d rows of %q, want 1", n, answer.Columns)
		}
		for _, statement := range []string{"DELETE FROM snapshots", "nonsense", "SELECT nothing FROM nowhere", ""} {
			if _, err := query(t.Context(), statement); err == nil {
				t.Errorf("%q was accepted", statement)
			}
		}
		if left, err := filepath.Glob(filepath.Join(r.root, ".phlb", "*")); len(left) != 5 || err != nil { // identity, record, locks, catalog, and reserve
			t.Errorf("left behind %q, %v", left, err)
		}
	}
}
