package ask_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"phlb/engine/catalog"
	"phlb/engine/catalog/ask"
)

// exportOf exports a catalog, and opens the file.
func exportOf(t *testing.T, c *catalog.Catalog) *sql.DB {
	t.Helper()
	reader, err := c.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "it's an export.sqlite")
	if err := ask.Export(t.Context(), reader, path); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + "-*"); len(left) > 0 {
		t.Errorf("left beside it: %q", left)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// told asks an export.
func told(t *testing.T, db *sql.DB, question string) string {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("needs the time zones of the system: install tzdata")
	}
	rows, err := db.Query(question)
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		to := make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = fmt.Sprint(v)
			if s, ok := v.(string); ok {
				if at, err := time.Parse("2006-01-02 15:04:05.000Z", s); err == nil {
					words[i] = at.In(berlin).Format("2006-01-02T15:04:05.000-0700") // as answer does
				}
			}
		}
		lines = append(lines, strings.Join(words, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// TestExport asks an export what a session answers too.
func TestExport(t *testing.T) {
	t.Parallel()
	c := lab(t)
	c.NoteRun(catalog.Run{Verb: "backup", Name: "docs", Stamp: "x", Started: day(3), Finished: day(3), Outcome: catalog.OK})
	c.NoteVerification(catalog.Verification{Snapshot: 1, Started: day(4), Finished: day(4), Sample: 0.5, Files: 3})
	if err := c.RecordDamage(catalog.Damage{Snapshot: 2, Path: "thesis.odt", Found: day(5), What: "content"}); err != nil {
		t.Fatal(err)
	}
	s := begin(t, c)
	db := exportOf(t, c)
	for _, question := range []string{
		"SELECT * FROM snapshots ORDER BY id", "SELECT * FROM versions ORDER BY path, since, name",
		"SELECT * FROM runs", "SELECT * FROM verifications", "SELECT * FROM damage",
		"SELECT * FROM files ORDER BY name, path", "SELECT * FROM contents ORDER BY digest", "SELECT * FROM duplicates ORDER BY digest",
		"SELECT * FROM history ORDER BY name, path, since",
		"SELECT snapshot, name, stamp, started, files, bytes FROM growth ORDER BY snapshot",
	} {
		got, want := told(t, db, question), answer(t, s, question)
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", question, got, want)
		}
	}
	if got := told(t, db, "PRAGMA integrity_check"); got != "ok" {
		t.Error(got)
	}
	for question, index := range map[string]string{
		"SELECT * FROM versions WHERE path = 'a'":            "versions_path",
		"SELECT * FROM versions WHERE digest = 'a'":          "versions_digest",
		"SELECT * FROM versions WHERE since = 1":             "versions_since",
		"SELECT * FROM snapshots WHERE id = 1":               "INTEGER PRIMARY KEY",
		"SELECT * FROM snapshots WHERE name = 'docs'":        "snapshots_name",
		"SELECT * FROM runs ORDER BY started":                "runs_started",
		"SELECT * FROM verifications WHERE snapshot = 1":     "verifications_snapshot",
		"SELECT * FROM damage WHERE digest = 'a' ORDER BY 1": "damage_digest",
	} {
		if plan := told(t, db, "EXPLAIN QUERY PLAN "+question); !strings.Contains(plan, index) {
			t.Errorf("%s: %s, want %s", question, plan, index)
		}
	}
}

func TestExportErrors(t *testing.T) {
	t.Parallel()
	c := lab(t)
	export := func(ctx context.Context, path string) error {
		reader, err := c.Reader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return ask.Export(ctx, reader, path)
	}
	dir := t.TempDir()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := export(canceled, filepath.Join(dir, "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := export(t.Context(), filepath.Join(dir, "none", "a")); err == nil || !strings.Contains(err.Error(), "unable to open") {
		t.Errorf("in no folder: %v", err)
	}
	full := filepath.Join(dir, "full")
	if err := os.WriteFile(full, []byte("something else, and of some length that a header has: it ends at a hundred bytes, or so it is said"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := export(t.Context(), full); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("over another file: %v", err)
	}
}
