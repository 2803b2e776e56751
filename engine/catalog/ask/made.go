package ask

import (
	"fmt"

	"modernc.org/sqlite/vtab"
)

// madeRows are rows that were computed before the first one is asked for.
type madeRows struct {
	count int
	value func(row, column int) any
}

// A madeCursor walks over rows that are computed when it begins.
type madeCursor struct {
	table *table
	args  []any
	rows  madeRows
	at    int
}

var _ vtab.Cursor = (*madeCursor)(nil)

// Filter computes the rows.
func (c *madeCursor) Filter(_ int, plan string, values []vtab.Value) error {
	s := c.table.session
	var err error
	if c.args, _, err = c.table.conditions(plan, values); err == nil {
		c.rows, err = c.table.of.made(s, s.ctx, c.args)
	}
	c.at = 0
	if err != nil {
		s.failed = fmt.Errorf("%s: %w", c.table.of.Signature(), err)
		return s.failed
	}
	return nil
}

// Next goes to the next row.
func (c *madeCursor) Next() error {
	c.at++
	return nil
}

// Eof reports whether there are no more rows.
func (c *madeCursor) Eof() bool { return c.at >= c.rows.count }

// Column returns a value of the row, or an argument.
func (c *madeCursor) Column(n int) (vtab.Value, error) {
	if n -= len(c.table.of.Columns); n >= 0 {
		return c.args[n], nil
	}
	return c.rows.value(c.at, n+len(c.table.of.Columns)), nil
}

// Rowid returns the number of the row.
func (c *madeCursor) Rowid() (int64, error) { return int64(c.at), nil }

// Close ends the walk.
func (c *madeCursor) Close() error { return nil }
