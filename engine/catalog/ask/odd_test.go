package ask_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine/catalog"
	"phlb/engine/catalog/ask"
	"phlb/engine/catalog/qlfile"
)

// TestOddNames asks for paths that are not UTF-8, or look like something else.
func TestOddNames(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	names := []string{"caf\xe9", "caf\xc3\xa9", "a\nb/c'd", "100%_", "\xff\xfe/x.\xff", "-- x", "2026-05-01 21:30:00.000Z"}
	what := tree{}
	for i, name := range names {
		what[name] = int64(i + 1)
	}
	absorb(t, c, "n\xe4me", 1, what)
	s := begin(t, c)
	for i, path := range names {
		for _, where := range []string{"path = ?", "path >= ?1 AND path <= ?1", "path LIKE replace(replace(?, '%', '_'), '_', '_') AND size = " + fmt.Sprint(i+1), "hex(path) = hex(?)", "path GLOB replace(?, '[', '?')"} {
			if got := answer(t, s, "SELECT size FROM versions WHERE "+where, path); got != fmt.Sprint(i+1) {
				t.Errorf("%q %s: %s", path, where, got)
			}
		}
		if folder := path[:max(strings.LastIndexByte(path, '/'), 0)]; folder != "" {
			if got := answer(t, s, "SELECT dirname(path), folder, basename(path), depth(path, 1), ext FROM versions WHERE path = ?", path); !strings.HasPrefix(got, folder+" "+folder+" ") {
				t.Errorf("%q: %q", path, got)
			}
		}
	}
	if got := answer(t, s, "SELECT DISTINCT name FROM versions WHERE name = ?", "n\xe4me"); got != "n\xe4me" {
		t.Errorf("%q", got)
	}
	if got := answer(t, s, "SELECT count(*) FROM versions WHERE path REGEXP 'caf'"); got != "2" {
		t.Error(got)
	}
}

// TestOddValues puts blobs, numbers and NULL where something else is expected.
func TestOddValues(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	for _, odd := range []string{"x'00ff'", "NULL", "12", "1.5", "'x'", "''", "zeroblob(0)", "-9223372036854775808", "1e999", "char(0)"} {
		for _, question := range []string{
			"SELECT human(%s)", "SELECT ago(%s)", "SELECT dirname(%s)", "SELECT basename(%s)", "SELECT depth(%[1]s, %[1]s)", "SELECT digest(%s)",
			"SELECT regexp(%[1]s, %[1]s)", "SELECT glob(%[1]s, %[1]s)", "SELECT count(*) FROM at(%s)", "SELECT count(*) FROM changes(%[1]s, %[1]s)", "SELECT count(*) FROM growth(%s)",
			"SELECT count(*) FROM versions WHERE path = %s", "SELECT count(*) FROM versions WHERE size > %s", "SELECT count(*) FROM versions WHERE mtime < %s",
			"SELECT count(*) FROM versions WHERE digest = %s", "SELECT count(*) FROM versions WHERE name = %s", "SELECT count(*) FROM versions WHERE path LIKE %s",
			"SELECT count(*) FROM versions WHERE path GLOB %s", "SELECT count(*) FROM versions WHERE since = %s", "SELECT count(*) FROM versions WHERE xattrs IS %s",
		} {
			question = fmt.Sprintf(question, odd)
			rows, err := s.Query(t.Context(), question)
			if err == nil {
				for _, err = range rows.All() {
				}
			}
			var e *ask.Error
			if err != nil && !errors.As(err, &e) && strings.Contains(question, "SELECT count(*) FROM versions") {
				t.Errorf("%s: %v", question, err)
			}
		}
	}
}

// TestFilters compares what is ruled out before SQLite sees it with what SQLite
// rules out by itself.
func TestFilters(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	values := []string{"'letters/ann.txt'", "'LETTERS/'", "'letters/b%'", "'letters/*'", "''", "NULL", "0", "11", "301.5", "'301'", "' 11 '", "'1.1e1'", "'0x0b'", "'11x'", "1e999", "-1e999", "11.0", "9223372036854775807", "9.3e18", "'1_1'", "'.5'", "'inf'", "2", "'f'", "'docs'", "'x'", "-1",
		"'2023-11-14'", "'2023-11-14 22:18:20.500Z'", "'2023-11-14 22:18:20'", "'2023-11-14 22:18'", "'2023-11-14T22:18:20Z'", "'9'", "x'66'"}
	for _, column := range []string{"path", "kind", "size", "mtime", "name", "folder", "ext", "digest", "since", "until", "target"} {
		for _, op := range []string{"=", "IS", "<", "<=", ">", ">=", "LIKE", "GLOB", "<>", "IS NOT"} {
			for _, value := range values {
				if column == "digest" && value == "'x'" {
					value = "(SELECT digest FROM files WHERE path = 'thesis.odt')"
				}
				list := "SELECT group_concat(path || since, ' ' ORDER BY path, since, name) FROM versions WHERE "
				got := answer(t, s, list+column+" "+op+" "+value)
				want := answer(t, s, list+"("+column+" "+op+" "+value+") IS TRUE")
				if got != want {
					t.Errorf("%s %s %s: %s, want %s", column, op, value, got, want)
				}
			}
		}
	}
}

// TestDamaged asks catalogs of which some bytes are others.
func TestDamaged(t *testing.T) {
	t.Parallel()
	c, published := labAt(t)
	path := filepath.Join(t.TempDir(), "catalog.ql")
	if err := c.Publish(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 80 {
		odd := append([]byte(nil), whole...)
		if at := i * len(whole) / 80; i%2 == 0 {
			odd[at] ^= 0x55
		} else {
			odd = odd[:at]
		}
		if err := os.WriteFile(path, odd, 0o600); err != nil {
			t.Fatal(err)
		}
		reader, err := qlfile.OpenReader(path)
		if err != nil {
			continue
		}
		s, err := ask.Open(reader, ask.Options{Now: day(8)})
		if err != nil {
			if !errors.Is(err, catalog.ErrDamaged) {
				t.Errorf("byte %d: %v", i, err)
			}
			continue
		}
		for _, question := range []string{"SELECT count(*), max(path) FROM versions", "SELECT sum(files) FROM growth(1)", "SELECT count(*) FROM changes(1, 2)"} {
			rows, err := s.Query(t.Context(), question)
			if err == nil {
				for _, err = range rows.All() {
				}
			}
			if err != nil && !errors.Is(err, catalog.ErrDamaged) && !strings.Contains(err.Error(), "no snapshot") {
				t.Errorf("byte %d: %s: %v", i, question, err)
			}
		}
		s.Close()
	}
}
