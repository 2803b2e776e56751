package ask

import (
	"fmt"

	"phlb/engine/catalog/ask/computed"

	"modernc.org/sqlite/vtab"
)

// arguments are what a table whose rows are computed is asked for.
type arguments struct {
	of    []any          // the parameters, nil where they are not given
	equal map[string]any // what columns are to be equal to, where that is known
}

// A madeCursor walks over rows that are computed as it goes.
type madeCursor struct {
	table *table
	args  arguments
	next  computed.Next
	rows  computed.Rows
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
	if c.at++; c.at < c.rows.Count {
		return nil
	}
	return c.more()
}

// Eof reports whether there are no more rows.
func (c *madeCursor) Eof() bool { return c.at >= c.rows.Count }

// Column returns a value of the row, or an argument.
func (c *madeCursor) Column(n int) (vtab.Value, error) {
	if n >= len(c.table.of.Columns) {
		return c.args.of[n-len(c.table.of.Columns)], nil
	}
	return c.rows.Value(c.at, n), nil
}

// Rowid returns the number of the row.
func (c *madeCursor) Rowid() (int64, error) { return c.id, nil }

// Close ends the walk.
func (c *madeCursor) Close() error { return nil }
