package ask_test

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/catalog/ask"
	"phlb/engine/manifest"
)

// tree is what a snapshot holds: sizes by path, from which contents follow. What
// ends in a slash is a directory.
type tree map[string]int64

func (t tree) entries() iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		var list []manifest.Entry
		for path, size := range t {
			e := manifest.Entry{
				Path: strings.TrimSuffix(path, "/"), Kind: manifest.File, Size: size,
				Permissions: manifest.Permissions{Mode: 0o644, UID: 1000, GID: 100},
				Mtime:       manifest.Time{Sec: 1_700_000_000 + size, Nsec: 500_000_000},
				Digest:      manifest.Digest256([32]byte{byte(size), byte(size >> 8), 7}),
			}
			if strings.HasSuffix(path, "/") {
				e.Kind, e.Digest = manifest.Dir, manifest.Digest{}
			}
			list = append(list, e)
		}
		slices.SortFunc(list, func(a, b manifest.Entry) int { return manifest.Compare(&a, &b) })
		for i := range list {
			if !yield(&list[i], nil) {
				return
			}
		}
	}
}

// day is when the snapshot of a number was made, in May 2026, at half past eleven
// in the evening of Berlin, and a little later.
func day(n int) time.Time { return time.Date(2026, 5, n, 21, 30, 0, 123_456, time.UTC) }

// absorb adds a snapshot, and returns its number.
func absorb(t testing.TB, c *catalog.Catalog, name string, n int, what tree) catalog.ID {
	t.Helper()
	s := catalog.Snapshot{
		Stamp:   fmt.Sprintf("2026-05-%02d-233000", n),
		Header:  manifest.Header{Name: name, Source: "/home/ann/" + name, Host: "laptop", Started: day(n)},
		Summary: manifest.Summary{Finished: day(n).Add(time.Minute), Files: int64(len(what)), NewBytes: int64(n)},
	}
	id, err := c.Absorb(t.Context(), &s, what.entries())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func newCatalog(t testing.TB) *catalog.Catalog {
	t.Helper()
	return openCatalog(t, filepath.Join(t.TempDir(), "catalog.ql"))
}

func openCatalog(t testing.TB, path string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// trees are the snapshots of docs, on the first days of May.
var trees = []tree{
	{"letters/": 0, "letters/ann.txt": 10, "letters/bob.txt": 20, "thesis.odt": 300, "Photos.ISO": 5000},
	{"letters/": 0, "letters/ann.txt": 11, "letters/bob.txt": 20, "thesis.odt": 301, "Photos.ISO": 5000, "copy.odt": 301},
	{"letters/": 0, "letters/ann.txt": 11, "thesis.odt": 302, "letters/bobby.txt": 20, "copy.odt": 301, ".bashrc": 5},
}

// lab returns a catalog with three snapshots of docs and one of work.
func lab(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, _ := labAt(t)
	return c
}

// labAt is lab, and returns where the catalog will be published.
func labAt(t testing.TB) (*catalog.Catalog, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "catalog.ql")
	c := openCatalog(t, path)
	for i, what := range trees {
		absorb(t, c, "docs", i+1, what)
	}
	absorb(t, c, "work", 4, tree{"main.go": 77, "letters/ann.txt": 11})
	return c, path
}

func begin(t testing.TB, c *catalog.Catalog) *ask.Session {
	t.Helper()
	reader, err := c.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("needs the time zones of the system: install tzdata")
	}
	s, err := ask.Open(reader, ask.Options{Now: day(8), Zone: berlin, Moment: func(text string) (time.Time, error) {
		if n, ok := strings.CutSuffix(text, "days"); ok {
			days, err := strconv.Atoi(n)
			return day(8).AddDate(0, 0, -days), err
		}
		return time.Parse(time.RFC3339, text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answer returns rows as lines of values with spaces between them.
func answer(t testing.TB, s *ask.Session, question string, args ...any) string {
	t.Helper()
	rows, err := s.Query(t.Context(), question, args...)
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	var lines []string
	for row, err := range rows.All() {
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		words := make([]string, len(row))
		for i, v := range row {
			words[i] = fmt.Sprint(v)
			if at, ok := v.(time.Time); ok {
				words[i] = at.Format("2006-01-02T15:04:05.000-0700")
			}
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}
