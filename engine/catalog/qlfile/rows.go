package qlfile

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"modernc.org/ql"
)

// A Table is one of a database.
type Table struct {
	Name    string
	Columns []Column

	head int64 // handle of the handle of its first row
}

// A Column is one of a table.
type Column struct {
	Name string
	Type string // as QL calls it: int64, float64, string, time or blob
}

// tables calls f with the tables until that returns false.
func (s *scanner) tables(f func(name, columns string, head int64) bool) error {
	root, err := s.record(offset(1))
	if err != nil {
		return err
	}
	next := root.Int()
	for range 100 {
		if next == 0 || root.bad {
			return root.Err()
		}
		table, err := s.record(offset(next))
		if err != nil {
			return err
		}
		next = table.Int()
		columns := table.Text()
		head, name := table.Int(), table.Text()
		if table.bad {
			return table.Err()
		}
		if !f(name, columns, head) {
			return nil
		}
	}
	return fmt.Errorf("%w: tables without an end", ErrDamaged)
}

// head returns the handle of the handle of the first row of a table.
func (s *scanner) head(table string) (head int64, err error) {
	err = s.tables(func(name, _ string, at int64) bool {
		if name == table {
			head = at
		}
		return name != table
	})
	if err == nil && head == 0 {
		err = fmt.Errorf("%w: no table %s", ErrDamaged, table)
	}
	return head, err
}

// tables returns the tables of a database.
func (l *layers) tables() (all []Table, err error) {
	s := newScanner(l)
	defer s.close()
	err = s.tables(func(name, columns string, head int64) bool {
		t := Table{Name: strings.Clone(name), head: head}
		for column := range strings.SplitSeq(columns, "|") {
			kind, size := utf8.DecodeRuneInString(column)
			t.Columns = append(t.Columns, Column{strings.Clone(column[size:]), ql.Type(kind).String()})
		}
		all = append(all, t)
		return true
	})
	return all, err
}

// Rows walks over the rows of a table, in no particular order. A row is decoded
// as far as it is asked for: to pass over those that are not wanted, look at the
// columns that tell, and call Next.
type Rows struct {
	s     *scanner
	left  int64 // rows that may yet come, a long one counted for several
	next  int64
	where func(*Values) bool
	at    int // column of where

	handle, id int64
	columns    []byte
	column     int    // that found begins with
	found      Values // the columns from there on
	value      Values // what Column returns
	err        error
}

func (l *layers) rows(table string) (*Rows, error) {
	r := &Rows{s: newScanner(l)}
	// More rows than the file has room for, or more bytes of them, are a chain that
	// bites its tail.
	r.left = l.size/16 + 1024
	head, err := r.s.head(table)
	if err == nil {
		var first Values
		first, err = r.s.record(offset(head))
		r.next = first.Int()
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Where has Next pass over rows that a look at one column rules out: wanted is
// called with that value first.
func (r *Rows) Where(column int, wanted func(v *Values) bool) { r.at, r.where = column, wanted }

// Next goes to the next row, and reports whether there is one. After false,
// call [Rows.Err].
func (r *Rows) Next() bool {
	for r.next != 0 && r.err == nil {
		if r.left--; r.left < 0 {
			r.err = fmt.Errorf("%w: rows without an end", ErrDamaged)
			break
		}
		row, err := r.s.record(offset(r.next))
		if err != nil {
			r.err = err
			break
		}
		r.left -= int64(len(row.rest)) / 32
		r.handle = r.next
		r.next, r.id = row.Int(), row.Int()
		r.columns = row.rest
		if row.bad {
			r.err = row.Err()
			break
		}
		r.found, r.column = row, 0
		if r.where == nil || r.where(r.Column(r.at)) || r.found.bad {
			return true
		}
	}
	return false
}

// Err returns why the rows have ended, nil where there are no more.
func (r *Rows) Err() error { return r.err }

// Close ends the walk. What is read from the file until then must not be
// changed.
func (r *Rows) Close() { r.s.close() }

// ID returns the number of the row, which QL calls id().
func (r *Rows) ID() int64 { return r.id }

// Handle returns where the row is found again, see [Reader.Row] and [End]. It
// is another one after rows were moved.
func (r *Rows) Handle() int64 { return r.handle }

// Values returns all columns of the row.
func (r *Rows) Values() Values { return Values{rest: r.columns} }

// Column returns the values from that column on, good until the next call of
// Column or Next. Columns are asked for in their order at no more than the cost of
// passing over those between them.
func (r *Rows) Column(n int) *Values {
	if n < r.column {
		r.found, r.column = r.Values(), 0
	}
	for ; r.column < n; r.column++ {
		r.found.Skip()
	}
	r.value = r.found
	return &r.value
}
