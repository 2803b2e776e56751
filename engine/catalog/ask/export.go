package ask

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

// Export writes all that a reader reads into a new file of SQLite, which is named by
// its absolute path and must be empty or missing: the tables as ordinary ones under
// the same names, with the same columns and with indexes, and the views that need
// nothing but SQLite. What has been written where it fails is nothing that can be
// used. It closes the reader.
//
// The file is not synced.
func Export(ctx context.Context, reader *qlfile.Reader, path string) error {
	s, err := connect(reader, Options{})
	if err != nil {
		return err
	}
	s.ctx = ctx
	stop := context.AfterFunc(ctx, s.handle.interrupt)
	err = s.export(path)
	stop()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if s.failed != nil { // a damaged catalog, which SQLite has no words for
		err = s.failed
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (s *Session) export(path string) error {
	// Nobody else sees the file before it is whole: there is nothing to go back to.
	// Pages are written one after the other, and so none needs to be kept; indexes are
	// sorted in pieces of the cache of main, which are merged from a temporary file.
	for _, statement := range []string{
		"ATTACH " + asText(path) + " AS exported",
		"PRAGMA exported.page_size = 8192", "PRAGMA exported.journal_mode = OFF", "PRAGMA exported.synchronous = OFF",
		"PRAGMA exported.locking_mode = EXCLUSIVE", "PRAGMA exported.cache_size = -8192", "PRAGMA main.cache_size = -32768",
		"BEGIN",
	} {
		if err := s.execute(statement); err != nil {
			return err
		}
	}
	for i := range tables {
		t := &tables[i]
		if t.Kind != "table" || t.Name != t.from {
			continue
		}
		if err := s.execute("CREATE TABLE exported." + quoted(t.Name) + "(" + t.ordinary() + ")"); err != nil {
			return err
		}
		if err := s.execute("INSERT INTO exported." + quoted(t.Name) + " SELECT * FROM main." + quoted(t.Name)); err != nil {
			return err
		}
	}
	for _, statement := range append(exportedIndexes, exportedViews()...) {
		if err := s.execute(statement); err != nil {
			return err
		}
	}
	for _, statement := range []string{"COMMIT", "DETACH exported"} {
		if err := s.execute(statement); err != nil {
			return err
		}
	}
	return nil
}

// ordinary declares the columns of a table that SQLite stores.
func (t *Table) ordinary() string {
	var columns []string
	for _, c := range t.Columns {
		declared := quoted(c.Name) + " " + c.declared()
		if t.Name == "snapshots" && c.Name == "id" {
			declared += " PRIMARY KEY"
		}
		columns = append(columns, declared)
	}
	return strings.Join(columns, ", ")
}

var exportedIndexes = []string{
	"CREATE INDEX exported.versions_path ON versions(path)",
	"CREATE INDEX exported.versions_digest ON versions(digest) WHERE digest IS NOT NULL",
	"CREATE INDEX exported.versions_since ON versions(since)",
	"CREATE INDEX exported.snapshots_name ON snapshots(name, started)",
	"CREATE INDEX exported.runs_started ON runs(started)",
	"CREATE INDEX exported.verifications_snapshot ON verifications(snapshot)",
	"CREATE INDEX exported.damage_digest ON damage(digest)",
}

// exportedViews are the views of a session, and those of what a session computes
// that SQLite can tell on its own.
func exportedViews() (list []string) {
	for _, t := range tables {
		if t.view != "" {
			list = append(list, "CREATE VIEW exported."+quoted(t.Name)+" AS "+t.view)
		}
	}
	return append(list, `CREATE VIEW exported.contents AS
		SELECT digest, max(size) AS size, count(*) AS versions, count(*) FILTER (WHERE until = 0) AS copies,
			coalesce(min(path) FILTER (WHERE until = 0), min(path)) AS path, min(since) AS since,
			iif(min(until) = 0, 0, max(until)) AS until
		FROM versions WHERE kind = 'f' AND stored IS NOT '`+rows.Absent+`' GROUP BY digest`,
		`CREATE VIEW exported.history AS
		SELECT v.name, path, folder, ext, kind, size, mtime, digest, since, until, s.started AS first_seen,
			(SELECT max(l.started) FROM snapshots l WHERE l.name = v.name AND (l.id = v.until OR v.until = 0 AND
				l.id = (SELECT max(id) FROM snapshots WHERE name = v.name))) AS last_seen,
			(SELECT n.started FROM snapshots n WHERE v.until > 0 AND n.name = v.name AND n.id > v.until ORDER BY n.id LIMIT 1) AS gone
		FROM versions v JOIN snapshots s ON s.id = v.since`,
		`CREATE VIEW exported.growth AS
		SELECT s.id AS snapshot, s.name, s.stamp, s.started, date(s.started, 'localtime') AS day,
			count(v.path) AS files, ifnull(sum(v.size), 0) AS bytes
		FROM snapshots s LEFT JOIN versions v ON v.since = s.id AND v.kind = 'f' AND v.stored IS NOT '`+rows.Absent+`' GROUP BY s.id`)
}

// asText writes a text as SQL does.
func asText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
