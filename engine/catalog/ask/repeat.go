package ask

import (
	"context"
	"database/sql/driver"
	"io"
	"slices"
	"strings"

	"modernc.org/sqlite"
)

// A table of the catalog has no index. Where SQLite would read one for every row of
// another, as it has to where tables are joined, a copy in a temporary table takes
// its place: of that, SQLite makes an index by itself.

// copyRepeated makes copies of the tables that a statement would read again and
// again. Small ones are copied first: then the large one may be read but once.
func (s *Session) copyRepeated(ctx context.Context, statement string, values []driver.NamedValue) error {
	if list := tokens(statement); len(list) > 0 && list[0].is("EXPLAIN") {
		return nil
	}
	for range tables {
		repeated, all, err := s.scans(ctx, statement, values)
		if err != nil || len(repeated) == 0 {
			return err
		}
		small := slices.DeleteFunc(all, func(t *Table) bool { return t.from == "versions" })
		if len(small) > 0 {
			repeated = small
		}
		if err := s.copy(ctx, repeated, tokens(statement)); err != nil {
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
func (s *Session) copy(ctx context.Context, list []*Table, words []token) error {
	return s.freely(func(execute func(string) error) error {
		for _, t := range list {
			if slices.Contains(s.copied, t.Name) {
				continue
			}
			var columns []string
			for _, c := range t.Columns {
				if slices.Contains(s.reads[t.Name], c.Name) || mentions(words, c.Name) {
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

// mentions reports whether a statement names a column, or all that tables have in
// common: of those that tables are joined by, SQLite does not tell that it reads
// them.
func mentions(words []token, column string) bool {
	return slices.ContainsFunc(words, func(t token) bool {
		return t.is(column, "NATURAL") || t.kind == name && strings.EqualFold(t.text[1:len(t.text)-1], column)
	})
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

// comparedWithSeveral returns the columns that a statement looks for in a list, or
// compares with one value or another.
func comparedWithSeveral(list []token) map[string]bool {
	several, once := map[string]bool{}, map[string]bool{}
	either := slices.ContainsFunc(list, func(t token) bool { return t.is("OR") })
	for i, t := range list[:max(len(list)-1, 0)] {
		if t.is(")") && list[i+1].is("IN") { // (a, b) IN
			for _, c := range columnNames() {
				several[c] = true
			}
		}
		if t.kind != word && t.kind != name {
			continue
		}
		called := strings.ToLower(strings.Trim(t.text, "\"`[]"))
		next := list[i+1]
		switch {
		case next.is("IN"):
			several[called] = true
		case next.is("=", "==", "IS") && either && once[called]:
			several[called] = true
		case next.is("=", "==", "IS"):
			once[called] = true
		}
	}
	return several
}
