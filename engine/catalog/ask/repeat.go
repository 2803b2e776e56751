package ask

import (
	"context"
	"database/sql/driver"
	"io"
	"slices"
	"strings"

	"phlb/engine/catalog/ask/statement"

	"modernc.org/sqlite"
)

// A table of the catalog has no index. Where SQLite would read one for every row of
// another, as it has to where tables are joined, a copy in a temporary table takes
// its place: of that, SQLite makes an index by itself.

// copyRepeated makes copies of the tables that a statement would read again and
// again. Small ones are copied first: then the large one may be read but once.
func (s *Session) copyRepeated(ctx context.Context, text string, values []driver.NamedValue) error {
	words := statement.Of(text)
	if words.IsExplain() {
		return nil
	}
	for range tables {
		repeated, all, err := s.scans(ctx, text, values)
		if err != nil || len(repeated) == 0 {
			return err
		}
		small := slices.DeleteFunc(all, func(t *Table) bool { return t.from == "versions" })
		if len(small) > 0 {
			repeated = small
		}
		if err := s.copy(ctx, repeated, words); err != nil {
			return err
		}
	}
	return nil
}

// scans returns the tables that a statement reads again and again, and all that it
// reads, without those that are copied already.
func (s *Session) scans(ctx context.Context, statement string, values []driver.NamedValue) (repeated, all []*Table, err error) {
	rows, err := s.conn.(driver.QueryerContext).QueryContext(ctx, "EXPLAIN QUERY PLAN "+statement, values)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	row := make([]driver.Value, len(rows.Columns()))
	again := map[int64]bool{}  // what is below these steps
	inside := map[int64]bool{} // steps that have read a table already
	for {
		if err := rows.Next(row); err == io.EOF {
			return repeated, all, nil
		} else if err != nil {
			return nil, nil, err
		}
		id, parent, detail := row[0].(int64), row[1].(int64), row[3].(string)
		again[id] = again[parent] || strings.HasPrefix(detail, "CORRELATED ")
		if !strings.HasPrefix(detail, "SCAN ") && !strings.HasPrefix(detail, "SEARCH ") {
			continue
		}
		if t := scanned(detail); t != nil {
			all = append(all, t)
			if again[id] || inside[parent] {
				repeated = append(repeated, t)
			}
		}
		inside[parent] = true
	}
}

// scanned returns the table of which a step of a plan tells that it is read, nil if
// it is none of the catalog's. A function with arguments is computed for each row.
func scanned(detail string) *Table {
	_, plan, ok := strings.Cut(detail, " VIRTUAL TABLE INDEX 0:")
	if !ok {
		return nil
	}
	called, _, _ := strings.Cut(plan, " ")
	i := slices.IndexFunc(tables, func(t Table) bool { return t.Name == called })
	if i < 0 || len(tables[i].Parameters) > 0 {
		return nil
	}
	return &tables[i]
}

// copy makes temporary tables, of the columns that the statement reads, which take
// the names of the others. Views are made anew over them.
func (s *Session) copy(ctx context.Context, list []*Table, words *statement.Statement) error {
	return s.freely(func(execute func(string) error) error {
		for _, t := range list {
			if slices.Contains(s.copied, t.Name) {
				continue
			}
			var columns []string
			for _, c := range t.Columns {
				if slices.Contains(s.reads[t.Name], c.Name) || words.Mentions(c.Name) {
					columns = append(columns, quoted(c.Name))
				}
			}
			if len(columns) == 0 {
				columns = []string{"rowid AS " + quoted(t.Columns[0].Name)}
			}
			s.copied = append(s.copied, t.Name)
			err := execute("CREATE TEMP TABLE " + quoted(t.Name) + " AS SELECT " + strings.Join(columns, ", ") + " FROM main." + quoted(t.Name))
			if err == nil {
				err = execute("ANALYZE temp." + quoted(t.Name))
			}
			if err != nil {
				return err
			}
		}
		for _, t := range tables {
			if t.view == "" || slices.Contains(s.copied, t.Name) || s.reads[t.Name] == nil {
				continue
			}
			s.copied = append(s.copied, t.Name)
			if err := execute("CREATE TEMP VIEW " + quoted(t.Name) + " AS " + t.view); err != nil {
				return err
			}
		}
		return nil
	}, ctx)
}

// dropCopies drops the temporary tables and views of a question.
func (s *Session) dropCopies() error {
	if len(s.copied) == 0 {
		return nil
	}
	return s.freely(func(execute func(string) error) error {
		for _, called := range slices.Backward(s.copied) {
			kind := "TABLE"
			if i := slices.IndexFunc(tables, func(t Table) bool { return t.Name == called }); tables[i].view != "" {
				kind = "VIEW"
			}
			if err := execute("DROP " + kind + " IF EXISTS temp." + quoted(called)); err != nil {
				return err
			}
		}
		s.copied = nil
		return nil
	}, context.Background())
}

// freely has f execute what a question may not.
func (s *Session) freely(f func(execute func(statement string) error) error, ctx context.Context) error {
	guarded := s.conn.(sqlite.AuthorizerRegisterer)
	if err := guarded.RegisterAuthorizer(nil); err != nil {
		return err
	}
	execute := func(statement string) error {
		_, err := s.conn.(driver.ExecerContext).ExecContext(ctx, statement, nil)
		return err
	}
	err := execute("PRAGMA query_only = OFF")
	if err == nil {
		err = f(execute)
	}
	if _, err2 := s.conn.(driver.ExecerContext).ExecContext(context.Background(), "PRAGMA query_only = ON", nil); err == nil {
		err = err2
	}
	if err2 := guarded.RegisterAuthorizer(s.authorize); err == nil {
		err = err2
	}
	return err
}
