package ask_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"phlb/engine/catalog/ask"
)

func TestQuestions(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	for _, tt := range []struct {
		name, question string
		args           []any
		want           string
	}{
		{"Count", "SELECT count(*) FROM versions", nil, "13"},
		{"Path", "SELECT size, since, until FROM versions WHERE path = 'letters/ann.txt' ORDER BY since", nil, "10 1 1\n11 2 0\n11 4 0"},
		{"Prefix", "SELECT DISTINCT path FROM versions WHERE path LIKE 'LETTERS/b%' ORDER BY 1", nil, "letters/bob.txt\nletters/bobby.txt"},
		{"Glob", "SELECT DISTINCT path FROM versions WHERE path GLOB 'letters/b*' ORDER BY 1", nil, "letters/bob.txt\nletters/bobby.txt"},
		{"Range", "SELECT DISTINCT path FROM versions WHERE path >= 'letters/' AND path < 'letters0' ORDER BY 1", nil, "letters/ann.txt\nletters/bob.txt\nletters/bobby.txt"},
		{"Contains", "SELECT DISTINCT path FROM versions WHERE path LIKE '%thesis%'", nil, "thesis.odt"},
		{"NoCase", "SELECT DISTINCT path FROM versions WHERE path = 'PHOTOS.iso' COLLATE NOCASE", nil, "Photos.ISO"},
		{"Name", "SELECT path FROM versions WHERE name = 'work' ORDER BY path", nil, "letters/ann.txt\nmain.go"},
		{"NameOfSnapshots", "SELECT count(*) FROM snapshots WHERE name = 'docs'", nil, "3"},
		{"Kind", "SELECT path, folder, ext FROM versions WHERE kind = 'd'", nil, "letters  "},
		{"Parts", "SELECT folder, ext FROM versions WHERE path IN ('letters/bobby.txt', '.bashrc', 'Photos.ISO') ORDER BY path", nil, " \n .ISO\nletters .txt"},
		{"Folder", "SELECT count(*) FROM versions WHERE folder = 'letters'", nil, "5"},
		{"Digest", "SELECT DISTINCT path FROM versions WHERE digest = digest('SHA256:2D0107' || printf('%058d', 0)) ORDER BY 1", nil, "copy.odt\nthesis.odt"},
		{"DigestText", "SELECT digest FROM versions WHERE path = 'main.go'", nil, "4d0007" + strings.Repeat("0", 58)},
		{"Size", "SELECT path FROM versions WHERE size BETWEEN 78 AND 300", nil, "thesis.odt"},
		{"Time", "SELECT started, finished FROM snapshots WHERE id = 1", nil, "2026-05-01T23:30:00.000+0200 2026-05-01T23:31:00.000+0200"},
		{"LargestTime", "SELECT max(started) FROM snapshots", nil, "2026-05-04T23:30:00.000+0200"},
		{"Day", "SELECT date(started), strftime('%H:%M', started) FROM snapshots WHERE id = 2", nil, "2026-05-02 21:30"},
		{"Between", "SELECT group_concat(id ORDER BY id) FROM snapshots WHERE started > '2026-05-02' AND started < datetime('2026-05-04', '+1 minute')", nil, "2,3"},
		{"Took", "SELECT unixepoch(finished) - unixepoch(started) FROM snapshots WHERE id = 3", nil, "60"},
		{"Fraction", "SELECT mtime FROM versions WHERE path = 'main.go'", nil, "2023-11-14T23:14:37.500+0100"},
		{"Join", "SELECT v.path, s.stamp FROM versions v JOIN snapshots s ON s.id = v.since WHERE v.path = 'copy.odt'", nil, "copy.odt 2026-05-02-233000"},
		{"Having", "SELECT path, count(*) n FROM versions GROUP BY path HAVING n > 2", nil, "letters/ann.txt 3\nthesis.odt 3"},
		{"Union", "SELECT 1 UNION SELECT 2 ORDER BY 1 DESC", nil, "2\n1"},
		{"With", "WITH big AS (SELECT * FROM versions WHERE size > 300) SELECT count(*) FROM big", nil, "4"},
		{"Values", "VALUES (1, 'a')", nil, "1 a"},
		{"Semicolon", "SELECT 1; -- that was it", nil, "1"},
		{"Numbers", "SELECT ?2, ?1", []any{1, 2}, "2 1"},
		{"Dollars", "SELECT $2, $1, $2", []any{1, 2}, "2 1 2"},
		{"Names", "SELECT :a, @b", []any{sql.Named("b", "y"), sql.Named("a", "x")}, "x y"},
		{"Values of Go", "SELECT typeof(?1), typeof(?2), ?3, ?4, ?5", []any{nil, []byte{1}, true, 90 * time.Second, day(1)}, "null blob 1 90 2026-05-01T23:30:00.000+0200"},
		{"Files", "SELECT path, size FROM files WHERE name = 'docs' ORDER BY path", nil, ".bashrc 5\ncopy.odt 301\nletters/ann.txt 11\nletters/bobby.txt 20\nthesis.odt 302"},
		{"FilesOfWork", "SELECT path, ext, folder FROM files WHERE path LIKE 'main%'", nil, "main.go .go "},
		{"Contents", "SELECT path, versions, since, until FROM contents WHERE size IN (20, 5000, 301) ORDER BY size", nil, "letters/bobby.txt 2 1 0\ncopy.odt 2 2 0\nPhotos.ISO 1 1 2"},
		{"Duplicates", "SELECT path, copies, extra FROM duplicates", nil, "letters/ann.txt 2 11"},
		{"History", "SELECT since, first_seen, last_seen, gone FROM history WHERE path = 'thesis.odt' AND name = 'docs' ORDER BY since", nil,
			"1 2026-05-01T23:30:00.000+0200 2026-05-01T23:30:00.000+0200 2026-05-02T23:30:00.000+0200\n" +
				"2 2026-05-02T23:30:00.000+0200 2026-05-02T23:30:00.000+0200 2026-05-03T23:30:00.000+0200\n" +
				"3 2026-05-03T23:30:00.000+0200 2026-05-03T23:30:00.000+0200 <nil>"},
		{"Gone", "SELECT path FROM history WHERE gone IS NOT NULL AND gone >= '2026-05-03' ORDER BY path", nil, "Photos.ISO\nletters/bob.txt\nthesis.odt"},
		{"At", "SELECT path, size FROM at('2026-05-02T21:30:00Z') WHERE kind = 'f' ORDER BY path", nil, "Photos.ISO 5000\ncopy.odt 301\nletters/ann.txt 11\nletters/bob.txt 20\nthesis.odt 301"},
		{"AtBefore", "SELECT count(*) FROM at('2026-05-01T21:29:59Z')", nil, "0"},
		{"AtNow", "SELECT name, count(*) FROM at('2026-05-09 00:00:00.000Z') GROUP BY name ORDER BY name", nil, "docs 6\nwork 2"},
		{"AtOfSnapshots", "SELECT s.id, count(*) FROM snapshots s, at(s.started) a WHERE a.name = s.name GROUP BY s.id ORDER BY s.id", nil, "1 5\n2 6\n3 6\n4 2"},
		{"AtAsWhere", "SELECT count(*) FROM at WHERE time = '2026-05-02T21:30:00Z'", nil, "6"},
		{"Changes", "SELECT what, path, before, size_before, size FROM changes(2, 3)", nil,
			"added .bashrc <nil> <nil> 5\nremoved Photos.ISO <nil> 5000 <nil>\nmoved letters/bobby.txt letters/bob.txt 20 20\nchanged thesis.odt <nil> 301 302"},
		{"ChangesToNow", "SELECT count(*) FROM changes('docs/2026-05-01-233000')", nil, "6"},
		{"ChangesBack", "SELECT what, path FROM changes('2026-05-02-233000', 'docs@2026-05-01T22:00:00Z') WHERE kind = 'f'", nil, "removed copy.odt\nchanged letters/ann.txt\nchanged thesis.odt"},
		{"ChangesOfNone", "SELECT count(*) FROM changes('docs', 'docs')", nil, "0"},
		{"Growth", "SELECT snapshot, day, folder, files, bytes FROM growth ORDER BY snapshot", nil, "1 2026-05-01  4 5330\n2 2026-05-02  3 613\n3 2026-05-03  3 327\n4 2026-05-04  2 88"},
		{"GrowthByFolder", "SELECT snapshot, folder, files, bytes FROM growth(1) WHERE name = 'docs' ORDER BY snapshot, folder", nil, "1  2 5300\n1 letters 2 30\n2  2 602\n2 letters 1 11\n3  2 307\n3 letters 1 20"},
		{"Human", "SELECT human(5000), human(-1024), human(NULL)", nil, "4.9 KiB -1.0 KiB <nil>"},
		{"Ago", "SELECT ago(max(started)) FROM snapshots", nil, "4 days"},
		{"PathFunctions", "SELECT dirname('a/b/c'), basename('a/b/c'), depth('a/b/c', 2), depth('a', 2)", nil, "a/b c a/b a"},
		{"Regexp", `SELECT DISTINCT path FROM versions WHERE path REGEXP '(?i)\.iso$'`, nil, "Photos.ISO"},
		{"OwnGlob", "SELECT glob('*.txt', 'a/b.txt')", nil, "1"},
		{"Plan", "EXPLAIN QUERY PLAN SELECT count(*) FROM snapshots", nil, "3 0 99 SCAN snapshots VIRTUAL TABLE INDEX 0:snapshots"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := answer(t, s, tt.question, tt.args...); got != tt.want {
				t.Errorf("%s:\n%s\nwant:\n%s", tt.question, got, tt.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	for _, tt := range []struct {
		name, question, want string
	}{
		{"Nothing", "", ""},
		{"Comment", " -- nothing\n", ""},
		{"Insert", "INSERT INTO versions(path) VALUES ('x')", "this one writes"},
		{"Delete", "DELETE FROM snapshots", "this one writes"},
		{"Drop", "DROP TABLE versions", "this one writes"},
		{"Create", "CREATE TABLE t(a)", "this one writes"},
		{"CreateTemporary", "CREATE TEMP VIEW v AS SELECT 1", "this one writes"},
		{"With", "WITH x AS (SELECT 1) DELETE FROM versions", "this one writes"},
		{"Attach", "ATTACH '/tmp/x.db' AS x", "this one attaches another database"},
		{"Vacuum", "VACUUM INTO '/tmp/x.db'", ""},
		{"Begin", "BEGIN", "this one is of a transaction"},
		{"Pragma", "PRAGMA query_only = OFF", "this one is the PRAGMA query_only"},
		{"Load", "SELECT load_extension('/tmp/x.so')", ""},
		{"Two", "SELECT 1; SELECT 2", "1:11: a question is one statement that reads: SELECT, WITH, VALUES or EXPLAIN: ask the second one on its own"},
		{"TwoOfWhichOneWrites", "SELECT 1; DROP TABLE versions", "ask the second one on its own"},
		{"Zero", "SELECT 1\x00; DROP TABLE versions", "byte 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows, err := s.Query(t.Context(), tt.question)
			if err == nil {
				rows.Close()
				t.Fatal("was answered")
			}
			var e *ask.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
		})
	}
	if got := answer(t, s, "SELECT count(*) FROM versions"); got != "13" {
		t.Fatal("changed:", got)
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	const endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
	for name, question := range map[string]string{
		"BeforeTheFirstRow": endless + "SELECT count(*) FROM c",
		"AfterTheFirstRow":  endless + "SELECT x FROM c WHERE x = 1",
		"InTheTables":       endless + "SELECT count(*) FROM c, versions v",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			rows, err := s.Query(ctx, question)
			if err == nil {
				for _, err = range rows.All() {
				}
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			if got := answer(t, s, "SELECT 1"); got != "1" {
				t.Fatal(got)
			}
		})
	}
}

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	rows, err := s.Query(t.Context(), "SELECT path FROM versions")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Query(t.Context(), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "still open") {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	answer(t, s, "SELECT 1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Query(t.Context(), "SELECT 1"); err == nil {
		t.Fatal("a closed session answers")
	}
}

// TestSlots has sessions follow each other and stand beside each other.
func TestSlots(t *testing.T) {
	t.Parallel()
	a := begin(t, lab(t))
	c := newCatalog(t)
	absorb(t, c, "other", 1, tree{"x": 1})
	b := begin(t, c)
	for range 3 {
		if got := answer(t, a, "SELECT count(*), ago('2026-05-07 21:30:00.000Z') FROM versions"); got != "13 1 day" {
			t.Fatal(got)
		}
		if got := answer(t, b, "SELECT name, path FROM versions"); got != "other x" {
			t.Fatal(got)
		}
		d := begin(t, c)
		answer(t, d, "SELECT human(1)")
		d.Close()
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	for _, tt := range []struct {
		question string
		args     []any
		want     string
	}{
		{"SELECT ?", nil, "the statement needs a value for parameter 1, and was given 0"},
		{"SELECT ?3", []any{1}, "the statement needs a value for parameter 2, and was given 1"},
		{"SELECT $2", []any{1}, "the statement needs a value for $2"},
		{"SELECT :name", []any{1}, "the statement needs a value for :name"},
		{"SELECT :name", []any{sql.Named("nme", 1)}, "the statement needs a value for :name"},
		{"SELECT :a", []any{sql.Named("a", 1), sql.Named("b", 1)}, "the statement has no place for b: write :b there"},
		{"SELECT 1", []any{1}, "the statement has no place for value 1: write ? there"},
		{"SELECT ?", []any{[]int{1}}, "value 1: "},
	} {
		rows, err := s.Query(t.Context(), tt.question, tt.args...)
		if err == nil {
			rows.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.question, err, tt.want)
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	for _, tt := range []struct{ question, want string }{
		{"SELECT * FROM at", "at(time): a time is written as in '2026-05-01' or '2days', not <nil>"},
		{"SELECT * FROM at('yesterday')", "at(time): "},
		{"SELECT * FROM changes", "changes(since, until): which snapshots?"},
		{"SELECT * FROM changes(9)", "there is no snapshot with the id 9"},
		{"SELECT * FROM changes('letters')", "there is no snapshot \"letters\": SELECT id, name, stamp FROM snapshots lists them"},
		{"SELECT * FROM changes('docs@2026-04-01T00:00:00Z')", "no snapshot of docs was there by 2026-04-01T00:00:00Z: the oldest is docs/2026-05-01-233000"},
		{"SELECT * FROM changes('docs', 'work')", "docs/2026-05-03-233000 and work/2026-05-04-233000 are snapshots of two names"},
		{"SELECT * FROM changes(1.5)", "a snapshot is written as in"},
		{"SELECT * FROM growth('x')", "growth(depth): the depth is a number of folders, not x"},
		{"SELECT human('x')", "human(bytes): wants a number"},
		{"SELECT path REGEXP '(' FROM versions", "regexp(pattern, text): error parsing regexp: missing closing )"},
	} {
		rows, err := s.Query(t.Context(), tt.question)
		if err == nil {
			for _, err = range rows.All() {
			}
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.question, err, tt.want)
		}
	}
}

// TestExamples asks what the schema shows.
func TestExamples(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	for _, table := range ask.Tables() {
		t.Run(table.Name, func(t *testing.T) { answer(t, s, table.Example) })
		got := answer(t, s, "SELECT group_concat(name || ' ' || type, ', ') FROM pragma_table_xinfo(?)", table.Name)
		var want []string
		for _, c := range slices.Concat(table.Columns, table.Parameters) {
			kind := strings.NewReplacer("TIME", "TEXT", "DIGEST", "TEXT").Replace(c.Type)
			want = append(want, c.Name+" "+kind)
		}
		if table.Kind == "view" { // SQLite knows no type of what is computed
			got = answer(t, s, "SELECT group_concat(name, ', ') FROM pragma_table_xinfo(?)", table.Name)
			want = nil
			for _, c := range table.Columns {
				want = append(want, c.Name)
			}
		}
		if want := strings.Join(want, ", "); got != want {
			t.Errorf("%s has %s, want %s", table.Name, got, want)
		}
	}
	for _, f := range ask.Functions() {
		t.Run(f.Name, func(t *testing.T) { answer(t, s, f.Example) })
	}
}

// TestColumns holds the tables against those of the catalog: no column is left out.
func TestColumns(t *testing.T) {
	t.Parallel()
	c := lab(t)
	for _, table := range ask.Tables() {
		if table.Doc == "" || table.Example == "" {
			t.Errorf("%s is not described", table.Name)
		}
		has := map[string]string{}
		for _, column := range table.Columns {
			if has[column.Name] = column.Type; column.Doc == "" {
				t.Errorf("%s.%s is not described", table.Name, column.Name)
			}
		}
		if !slices.Contains([]string{"snapshots", "versions", "runs", "verifications", "damage"}, table.Name) {
			continue
		}
		rows, err := c.Query(t.Context(), `SELECT Name, Type FROM __Column WHERE TableName == $1`, table.Name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for row, err := range rows.All() {
			if err != nil {
				t.Fatal(err)
			}
			n++
			name, kind := row[0].(string), row[1].(string)
			want := map[string]string{"int64": "INTEGER", "float64": "REAL", "string": "TEXT", "time": "TIME", "blob": "BLOB"}[kind]
			if name == "digest" {
				want = "DIGEST"
			}
			if has[name] != want {
				t.Errorf("%s.%s is %q, want %s", table.Name, name, has[name], want)
			}
		}
		if n == 0 {
			t.Errorf("the catalog has no table %s", table.Name)
		}
	}
}
