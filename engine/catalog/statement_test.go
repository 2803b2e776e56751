package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"phlb/engine/manifest"
)

// asked returns a catalog with one snapshot of three files and the digest of
// the first.
func asked(t *testing.T) (*Catalog, manifest.Digest) {
	c := newCatalog(t)
	c.Zone = time.FixedZone("east", 2*3600)
	what := tree{}
	for i, name := range []string{"it's", "b/quote\"s", "c\\`d"} {
		e := file(name, i+1)
		e.Size = int64(i) << 30
		e.Mtime = manifest.TimeOf(time.Date(2026, 11, 20+i, 23, 0, 0, 0, time.UTC))
		what[name] = e
	}
	mustAbsorb(t, c, snapshot("docs", 1), what)
	return c, what["it's"].Digest
}

// ask returns the rows as text, sorted.
func ask(t *testing.T, c *Catalog, statement string, args ...any) (list []string, err error) {
	t.Helper()
	rows, err := c.Query(t.Context(), statement, args...)
	if err != nil {
		return nil, err
	}
	for row, err := range rows.All() {
		if err != nil {
			return nil, err
		}
		list = append(list, fmt.Sprint(row...))
	}
	slices.Sort(list)
	return list, nil
}

func TestStatementValues(t *testing.T) {
	c, digest := asked(t)
	hex := digest.String()
	for _, test := range []struct {
		where string
		args  []any
		want  string
	}{
		{`path = 'it''s'`, nil, "it's"},
		{`path == "it's"`, nil, "it's"},
		{`path == 'b/quote"s'`, nil, `b/quote"s`},
		{"path == 'c\\`d'", nil, "c\\`d"},
		{`path <> 'it''s' AND size < 2000000000`, nil, `b/quote"s`},
		{`path = $1`, []any{Text("it's")}, "it's"},
		{`path = $1`, []any{Text(`x" || true || "`)}, ""},
		{`path IN ($1, $2) -- nothing else`, []any{Text("it's"), Text("7")}, "it's"},
		{`size = '1GiB'`, nil, `b/quote"s`},
		{`size >= $1 /* */ AND size < $2`, []any{Text("1GiB"), "2GiB"}, `b/quote"s`},
		{`size > $1`, []any{1 << 30}, "c\\`d"},
		{`$1 = size`, []any{Text("0x40000000")}, `b/quote"s`},
		{`size IN ('1GiB', 7)`, nil, `b/quote"s`},
		{`size NOT IN ('1GiB', 0)`, nil, "c\\`d"},
		{`digest = '` + hex + `'`, nil, "it's"},
		{`digest = $1`, []any{hex}, "it's"},
		{`digest = $1`, []any{digest[:]}, "it's"},
		// Midnight comes two hours earlier in the east.
		{`mtime < '2026-11-21'`, nil, ""},
		{`mtime < '2026-11-21 01:01'`, nil, "it's"},
		{`mtime < '2026-11-20T23:00:01Z'`, nil, "it's"},
		{`mtime BETWEEN '2026-11-22' AND $1`, []any{Text("2026-11-22 12:00:00")}, `b/quote"s`},
		{`mtime NOT BETWEEN '2026-11-22' AND '2027-01-01'`, nil, "it's"},
		{`mtime > $1`, []any{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}, "c\\`d"},
		{`len(path) = $1`, []any{Text("4")}, "c\\`d it's"},
		{`hasprefix(path, $1)`, []any{Text("it")}, "it's"},
		{`path LIKE $1`, []any{Text("^b/.*s$")}, `b/quote"s`},
	} {
		got, err := ask(t, c, "SELECT path FROM versions WHERE "+test.where, test.args...)
		if err != nil {
			t.Errorf("%s %v: %v", test.where, test.args, err)
			continue
		}
		slices.Sort(got)
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s %v: %q, want %q", test.where, test.args, got, test.want)
		}
	}
	got, err := ask(t, c, "SELECT v.path FROM versions AS v, snapshots AS s WHERE v.digest = $1 AND $2 = s.name", Text(hex), Text("docs"))
	if err != nil || !slices.Equal(got, []string{"it's"}) {
		t.Error(got, err)
	}
}

func TestStatementErrors(t *testing.T) {
	c, _ := asked(t)
	for _, test := range []struct {
		statement string
		args      []any
		want      string // the error, and the word that it is at
		at        string
		near      string // a name that is known instead
	}{
		{"SELECT pth FROM versions", nil, "1:8: there is no column pth", "pth", "path"},
		{"SELECT path\nFROM version", nil, "2:6: there is no table version", "version", "versions"},
		{"SELECT v.pth FROM versions AS v, snapshots AS s", nil, "1:10: there is no column v.pth", "pth", "path"},
		{"SELECT path FROM versions WHERE starts(path)", nil, "1:33: there is no function starts", "starts", "hasPrefix"},
		{"SELECT 'é', pth FROM versions", nil, "1:13: there is no column pth", "pth", "path"},
		{"SELECT path FROM versions WERE size > 3", nil, "1:27: unexpected WERE", "WERE", "WHERE"},
		{"SELECT path FROM versions WHERE size >", nil, "1:39: the statement is not complete", "", ""},
		{"SELECT path FROM versions WHERE (size > 3;", nil, "1:42: the statement is not complete", ";", ""},
		{"SELEC path FROM versions", nil, "1:1: a query is one SELECT or EXPLAIN statement", "SELEC", "SELECT"},
		{" DROP TABLE versions", nil, "1:2: a query is one SELECT or EXPLAIN statement, and nothing is changed", "DROP", ""},
		{"SELECT path FROM versions; DROP TABLE versions", nil, "1:26: a query is one", ";", ""},
		{"SELECT path FROM versions WHERE path = 'x", nil, "1:40: this string does not end", "'x", ""},
		{"SELECT path FROM versions WHERE size = 'big'", nil, `1:40: "big": size is a number`, "'big'", ""},
		{"SELECT path FROM versions WHERE mtime > $1", []any{Text("soon")}, `1:41: "soon": mtime is a time, such as '2026-11-22'`, "$1", ""},
		{"SELECT path FROM versions WHERE digest = 'xyz'", nil, `"xyz": digest is a digest`, "'xyz'", ""},
		{"SELECT path FROM versions WHERE path = 7", nil, "1:40: path is text, and that is written in quotes", "7", ""},
		{"SELECT path FROM versions WHERE size = $2", []any{1}, "1:40: no value is given for $2", "$2", ""},
		{"SELECT path FROM versions", []any{Text("x")}, "the statement has no place for value 1, x: write $1 there", "", ""},
		{"SELECT path FROM versions WHERE size = '9999999TiB'", nil, "size is a number", "'9999999TiB'", ""},
		{"SELECT path FROM content", nil, "1:18: there is no table content", "content", "contents"},
		{"SELECT pth FROM contents", nil, "1:8: there is no column pth", "pth", "path"},
		{"SELECT path FROM contents AS c, contents AS d\nWHERE c.size > 1 GRUP BY path", nil, "2:18: unexpected GRUP", "GRUP", "GROUP"},
		{"SELECT path FROM contents WHERE size >", nil, "1:39: the statement is not complete", "", ""},
		{"SELECT path FROM contents WHERE since = 'x'", nil, `1:41: "x": since is a number`, "'x'", ""},
		{"EXPLAIN SELECT pth FROM contents", nil, "1:16: there is no column pth", "pth", "path"},
		{"EXPLAIN SELECT path FROM contnts", nil, "1:26: there is no table contnts", "contnts", "contents"},
		{"SELECT path FROM contents AS c WHERE c.size > 0", nil, "1:40: there is no column c.size", "size", "size"},
		{"SELECT s.id FROM contents, snapshots AS s WHERE until = s.id", nil, "1:49: until is a column of which table? Write TABLE.until", "until", ""},
		{"SELECT sample FROM verifications WHERE sample > 'x'", nil, `1:49: "x": sample is a number, such as 0.1`, "'x'", ""},
		{"SELECT digest FROM contents ORDER BY digest", nil, "a blob such as a digest can be compared with ==, but not be ordered", "", ""},
		{"SELECT path FROM versions WHERE digest IN (SELECT digest FROM contents)", nil, "nor looked for with IN", "", ""},
		{"SELECT sleep(1000) FROM versions", nil, "1:8: sleep cannot be stopped", "sleep", ""},
	} {
		_, err := ask(t, c, test.statement, test.args...)
		var e *StatementError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", test.statement, err)
			continue
		}
		if !strings.HasPrefix(e.Error(), test.want) && !strings.Contains(e.Error(), test.want) {
			t.Errorf("%s: %q, want %q", test.statement, e, test.want)
		}
		if e.At >= 0 && !strings.HasPrefix(test.statement[e.At:], test.at) || e.At < 0 && test.at != "" {
			t.Errorf("%s: at %d, want at %q", test.statement, e.At, test.at)
		}
		if test.near != "" && !slices.Contains(e.Known, test.near) {
			t.Errorf("%s: knows %q, want %q", test.statement, e.Known, test.near)
		}
	}
}

func TestViews(t *testing.T) {
	c := newCatalog(t)
	if got, err := ask(t, c, "SELECT * FROM contents"); err != nil || len(got) != 0 {
		t.Fatal("of an empty catalog:", got, err)
	}
	one, two, none := file("one", 1), file("two", 2), file("none", 3)
	none.Absent = true
	link := manifest.Entry{Path: "link", Kind: manifest.Symlink, Target: "one"}
	copied := one
	copied.Path = "copy"
	mustAbsorb(t, c, snapshot("a", 1), tree{"one": one, "two": two, "none": none, "link": link})
	mustAbsorb(t, c, snapshot("a", 2), tree{"one": one})
	mustAbsorb(t, c, snapshot("a", 3), tree{"copy": copied})
	mustAbsorb(t, c, snapshot("b", 4), tree{"two": two})
	mustAbsorb(t, c, snapshot("b", 5), tree{})
	mustAbsorb(t, c, snapshot("b", 6), tree{})
	hex := one.Digest.String()
	for statement, want := range map[string]string{
		"SELECT path, size, versions, since, until FROM contents":                                 "copy1 2 1 0|two2 2 1 4",
		"SELECT path FROM contents WHERE digest = '" + hex + "'":                                  "copy",
		"SELECT contents.path, s.stamp FROM snapshots AS s, contents WHERE s.id = contents.until": "twostamp 004",
		"SELECT c.path FROM (SELECT * FROM contents WHERE size > 1) AS c, schema":                 "two",
		"SELECT id FROM snapshots WHERE id IN (SELECT until FROM contents)":                       "4",
		"SELECT v.path, c.versions FROM versions AS v LEFT JOIN contents AS c ON v.path = c.path": "copy2|link<nil>|none<nil>|one<nil>|two2|two2",
		"SELECT path FROM versions AS contents WHERE until = 0":                                   "copy",
		"SELECT size AS contents FROM versions WHERE path = 'two' AND since = 1":                  "2",
		"SELECT 'FROM contents' FROM schema -- FROM contents":                                     "FROM contents",
	} {
		got, err := ask(t, c, statement)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%s: %q, %v, want %q", statement, got, err, want)
		}
	}
	plan, err := ask(t, c, "EXPLAIN SELECT path FROM contents")
	if err != nil || !slices.ContainsFunc(plan, func(line string) bool { return strings.Contains(line, "Group by digest") }) {
		t.Errorf("%q, %v", plan, err)
	}
}

func TestStatementErrorPlace(t *testing.T) {
	c, _ := asked(t)
	for statement, want := range map[string]string{
		"SELECT path\n\tFROM versions WHERE größe > 3": "2 22 \tFROM versions WHERE größe > 3",
		"SELECT path,\n\tsze\nFROM versions":           "2 2 \tsze",
		"SELECT path FROM versions WHERE 1 > 1/0":      "0 0 ",
	} {
		_, err := ask(t, c, statement)
		var e *StatementError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		line, column, text := e.Place()
		if got := fmt.Sprint(line, column, " ", text); got != want {
			t.Errorf("%s: %q, want %q", statement, got, want)
		}
	}
}

func TestColumnNames(t *testing.T) {
	c, _ := asked(t)
	for statement, want := range map[string]string{
		"SELECT DISTINCT count(*), max(size) AS most, Max( mtime ) FROM versions;": "count(*)|most|Max( mtime )",
		"SELECT v.path, s.name FROM versions AS v, snapshots AS s":                 "v.path|s.name",
		"SELECT size/(1+2),\n 7 FROM versions":                                     "size/(1+2)|7",
		"EXPLAIN SELECT size FROM versions":                                        "plan",
	} {
		rows, err := c.Query(t.Context(), statement)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(rows.Columns(), "|"); got != want {
			t.Errorf("%s: %s, want %s", statement, got, want)
		}
		rows.Close()
	}
}

// TestTables holds the description against the tables that there are.
func TestTables(t *testing.T) {
	c := newCatalog(t)
	types := map[string]string{}
	n := 0
	for _, table := range Tables() {
		if table.Doc == "" {
			t.Errorf("%s is not described", table.Name)
		}
		var got, want bytes.Buffer
		for i, column := range table.Columns {
			fmt.Fprintln(&want, i+1, column.Name, column.Type)
			if column.Doc == "" {
				t.Errorf("%s.%s is not described", table.Name, column.Name)
			}
			if of := types[column.Name]; of != "" && of != column.Type {
				t.Errorf("%s is %s and %s", column.Name, of, column.Type)
			}
			types[column.Name] = column.Type
			n++
		}
		if table.view != "" {
			checkView(t, c, table)
			n -= len(table.Columns)
			continue
		}
		rows, err := c.Query(t.Context(), "SELECT Ordinal, Name, Type FROM __Column WHERE TableName = $1 ORDER BY Ordinal", table.Name)
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range rows.All() {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&got, row...)
		}
		if got.String() != want.String() {
			t.Errorf("%s has\n%sand is described as\n%s", table.Name, &got, &want)
		}
	}
	if got := count(t, c, "SELECT count() FROM __Column"); got != int64(n) {
		t.Errorf("%d columns, %d are described", got, n)
	}
}

// checkView holds the description against what the SELECT gives.
func checkView(t *testing.T, c *Catalog, table Table) {
	t.Helper()
	id := mustAbsorb(t, c, snapshot("a", 1), files(1, 1))
	rows, err := c.Query(t.Context(), "SELECT * FROM "+table.Name)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, column := range table.Columns {
		names = append(names, column.Name)
	}
	if !slices.Equal(rows.Columns(), names) {
		t.Errorf("%s has %q, and is described with %q", table.Name, rows.Columns(), names)
	}
	for row, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		for i, column := range table.Columns {
			if got := strings.Replace(fmt.Sprintf("%T", row[i]), "[]uint8", "blob", 1); got != column.Type {
				t.Errorf("%s.%s is %s, and is described as %s", table.Name, column.Name, got, column.Type)
			}
		}
	}
	if err := c.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// TestFunctions calls each once, with arguments that one of them takes.
func TestFunctions(t *testing.T) {
	c, _ := asked(t)
	for _, f := range Functions() {
		_, err := ask(t, c, "SELECT "+f+"() FROM versions")
		if err != nil && strings.Contains(err.Error(), "there is no") {
			t.Error(err)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("SELECT 'a''b', \"c\\\"d\", `e`, 0x1f, $1 -- x\n// y\n/* z */ FROM t WHERE a<=b;")
	f.Fuzz(func(t *testing.T, s string) {
		at := 0
		for _, token := range tokens(s) {
			if token.at < at || token.text == "" || s[token.at:token.end()] != token.text {
				t.Fatalf("%q: %+v after %d", s, token, at)
			}
			at = token.end()
		}
		if at > len(s) {
			t.Fatalf("%q: the last token ends at %d", s, at)
		}
	})
}

// QL sorts what a statement selects, by nothing else.
func TestOrderByWhatIsNotSelected(t *testing.T) {
	c := newCatalog(t)
	_, err := c.Query(t.Context(), "SELECT name FROM snapshots ORDER BY started")
	if err == nil || !strings.Contains(err.Error(), "started is not among what the statement selects: add it there") {
		t.Errorf("got %v", err)
	}
}
