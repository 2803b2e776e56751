package ask

import (
	"fmt"

	"modernc.org/sqlite/vtab"
)

// arguments are what a table whose rows are computed is asked for.
type arguments struct {
	of    []any          // the parameters, nil where they are not given
	equal map[string]any // what columns are to be equal to, where that is known
}

// madeRows are rows that were computed before the first one is asked for.
type madeRows struct {
	count int
	value func(row, column int) any
}

// nextRows computes more rows, and returns none where there are no more.
type nextRows func() (madeRows, error)

// once returns rows that are all there are.
func once(rows madeRows) nextRows {
	return func() (madeRows, error) {
		all := rows
		rows = madeRows{}
		return all, nil
	}
}

// A madeCursor walks over rows that are computed as it goes.
type madeCursor struct {
	table *table
	args  arguments
	next  nextRows
	rows  madeRows
	at    int // in rows
	id    int64
}

var _ vtab.Cursor = (*madeCursor)(nil)

// Filter computes the first rows.
func (c *madeCursor) Filter(_ int, plan string, values []vtab.Value) error {
	s := c.table.session
	s.scanned++
	var err error
	if c.args, _, err = c.table.conditions(plan, values); err == nil {
		c.next, err = c.table.of.made(s, s.ctx, c.args)
	}
	if err != nil {
		return c.fail(err)
	}
	return c.more()
}

func (c *madeCursor) more() error {
	c.at = 0
	var err error
	if c.rows, err = c.next(); err != nil {
		return c.fail(err)
	}
	return nil
}

func (c *madeCursor) fail(err error) error {
	s := c.table.session
	s.failed = fmt.Errorf("%s: %w", c.table.of.Signature(), err)
	return s.failed
}

// Next goes to the next row.
func (c *madeCursor) Next() error {
	c.id++
	if c.at++; c.at < c.rows.count {
		return nil
	}
	return c.more()
}

// Eof reports whether there are no more rows.
func (c *madeCursor) Eof() bool { return c.at >= c.rows.count }

// Column returns a value of the row, or an argument.
func (c *madeCursor) Column(n int) (vtab.Value, error) {
	if n >= len(c.table.of.Columns) {
		return c.args.of[n-len(c.table.of.Columns)], nil
	}
	return c.rows.value(c.at, n), nil
}

// Rowid returns the number of the row.
func (c *madeCursor) Rowid() (int64, error) { return c.id, nil }

// Close ends the walk.
func (c *madeCursor) Close() error { return nil }
