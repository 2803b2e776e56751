package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// ask returns the rows of a query, each as one text, sorted.
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

func TestQuery(t *testing.T) {
	c := newCatalog(t)
	what := files(300, 1)
	mustAbsorb(t, c, snapshot("a", 1), what)

	all := func(t *testing.T, statement string, args ...any) []string {
		t.Helper()
		list, err := ask(t, c, statement, args...)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	t.Run("Enough", func(t *testing.T) { // a join ends where no more rows are wanted
		rows, err := c.Query(t.Context(), "SELECT a.path FROM versions AS a, versions AS b, versions AS c, versions AS d, versions AS e")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for row, err := range rows.All() {
			if err != nil || len(row) != 1 {
				t.Error(row, err)
			}
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("there were %d rows", n)
		}
	})
	t.Run("OK", func(t *testing.T) {
		got := all(t, `SELECT path FROM versions WHERE size > $1 && size < $2 ORDER BY path;`, 280, 301)
		var want []string
		for path, e := range what {
			if e.Size > 280 && e.Size < 301 {
				want = append(want, path)
			}
		}
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Fatal(got, want)
		}
		rows, err := c.Query(t.Context(), "SELECT path, mtime AS changed, digest FROM versions")
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"path", "changed", "digest"}; !slices.Equal(rows.Columns(), want) {
			t.Fatal(rows.Columns())
		}
		for row, err := range rows.All() {
			if err != nil {
				t.Fatal(err)
			}
			e := what[row[0].(string)]
			if !row[1].(time.Time).Equal(e.Mtime.Time()) || !bytes.Equal(row[2].([]byte), e.Digest.Bytes()) {
				t.Fatal(row, e)
			}
		}
		if got := all(t, "EXPLAIN SELECT * FROM versions WHERE size > 5"); len(got) == 0 {
			t.Fatal("no plan")
		}
		if got := all(t, "SELECT count() FROM versions, snapshots WHERE versions.since == snapshots.id"); !slices.Equal(got, []string{"300"}) {
			t.Fatal(got)
		}
	})
	t.Run("Nested", func(t *testing.T) {
		rows, err := c.Query(t.Context(), "SELECT path FROM versions WHERE size < 5")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for row := range rows.All() {
			n += len(all(t, "SELECT size FROM versions WHERE path == $1", row[0]))
		}
		if n == 0 {
			t.Fatal("nothing was found")
		}
	})
	t.Run("Break", func(t *testing.T) {
		rows, err := c.Query(t.Context(), "SELECT path FROM versions ORDER BY path")
		if err != nil {
			t.Fatal(err)
		}
		for range rows.All() {
			break
		}
		for _, err := range rows.All() {
			checkError(t, err, ErrClosed)
		}
		if rows, err = c.Query(t.Context(), "SELECT path FROM versions"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := rows.Close(); err != nil {
				t.Fatal(err)
			}
		}
		mustAbsorb(t, c, snapshot("a", 2), what) // writers do not wait any more
		names, err := os.ReadDir(c.file.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range names {
			if e.IsDir() || strings.HasPrefix(e.Name(), "sort-") {
				t.Error("left behind:", e.Name())
			}
		}
	})
	t.Run("BreakWhenCancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		rows, err := c.Query(ctx, "SELECT a.path FROM versions AS a, versions AS b, versions AS c")
		if err != nil {
			t.Fatal(err)
		}
		for range rows.All() {
			cancel() // QL finds out as it goes on to the end of its loops
			break
		}
	})
	t.Run("Panic", func(t *testing.T) {
		rows, err := c.Query(t.Context(), "SELECT path FROM versions")
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if r := recover(); r != "mine" {
				t.Fatal("recovered", r)
			}
		}()
		for range rows.All() {
			panic("mine")
		}
	})
	t.Run("ErrReadOnly", func(t *testing.T) {
		for _, statement := range []string{
			"DROP TABLE versions", "SELECT 1 FROM versions; DROP TABLE versions", "BEGIN TRANSACTION; COMMIT;",
			"BEGIN TRANSACTION; SELECT 1 FROM versions; COMMIT;", "DELETE FROM versions", "TRUNCATE TABLE versions",
			"UPDATE versions SET until = 5", "INSERT INTO damage (path) VALUES (\"x\")", "CREATE TABLE t (i int)",
			"CREATE INDEX x ON versions (path)", "ALTER TABLE versions DROP COLUMN path", "COMMIT", "ROLLBACK", "",
			"SELECT 1 FROM versions; SELECT 2 FROM versions", "/* SELECT */ DROP TABLE versions",
			"SELECT 1 FROM versions; -- \n DROP TABLE versions",
		} {
			if rows, err := c.Query(t.Context(), statement); !errors.Is(err, ErrReadOnly) {
				t.Errorf("%q: %v", statement, err)
				if err == nil {
					rows.Close()
				}
			}
		}
		if n := len(all(t, "EXPLAIN DROP TABLE versions")); n == 0 {
			t.Error("no plan")
		}
		if n := count(t, c, "SELECT count() FROM versions"); n != 300 {
			t.Fatalf("%d rows", n)
		}
	})
	t.Run("ErrSyntax", func(t *testing.T) {
		_, err := c.Query(t.Context(), "SELECT path\nFROM versions WHERE WHERE")
		if !errors.Is(err, ErrStatement) || !strings.Contains(err.Error(), ": 2:26: ") {
			t.Fatal(err)
		}
		if _, err = c.Query(t.Context(), "SELECT nothing FROM versions"); !errors.Is(err, ErrStatement) || errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		rows, err := c.Query(t.Context(), "SELECT path + 1 FROM versions")
		for err == nil {
			for _, err = range rows.All() {
				break
			}
		}
		if errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
	t.Run("ErrCancelled", func(t *testing.T) {
		// Nothing comes out of this before long.
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		rows, err := c.Query(ctx, "SELECT a.path FROM versions AS a, versions AS b, versions AS c WHERE a.size + b.size + c.size < 0")
		if err == nil {
			for _, err = range rows.All() {
			}
		}
		checkError(t, err, context.DeadlineExceeded)
		if n := count(t, c, "SELECT count() FROM versions"); n != 300 {
			t.Fatalf("%d rows", n)
		}
	})
}
