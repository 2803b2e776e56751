package ask

import (
	"fmt"

	"modernc.org/sqlite/vtab"

	"phlb/engine/catalog/qlfile"
)

// module is what SQLite calls to learn of a table.
type module struct {
	slot *slot
	of   *Table
}

// Create returns the table of the session that the slot is of.
func (m *module) Create(ctx vtab.Context, _ []string) (vtab.Table, error) {
	t := &table{session: m.slot.session, of: m.of, columns: m.of.all()}
	t.positions = t.session.positions(t.of.from, t.columns)
	if lifetime := t.session.positions(t.of.from, []Column{{from: "since"}, {from: "until"}}); lifetime != nil {
		t.sinceAt, t.untilAt = lifetime[0], lifetime[1]
	}
	return t, ctx.Declare(t.of.declaration())
}

// Connect does what Create does: nothing is kept.
func (m *module) Connect(ctx vtab.Context, args []string) (vtab.Table, error) {
	return m.Create(ctx, args)
}

// A table is one of a session.
type table struct {
	session   *Session
	of        *Table
	columns   []Column
	positions []int // of the columns in a row of the catalog, -1 where it has none

	sinceAt, untilAt int // of since and until
}

// Open returns a cursor, which Filter puts before the first row.
func (t *table) Open() (vtab.Cursor, error) {
	if t.of.made != nil {
		return &madeCursor{table: t}, nil
	}
	return &cursor{table: t}, nil
}

// Disconnect does nothing.
func (t *table) Disconnect() error { return nil }

// Destroy does nothing.
func (t *table) Destroy() error { return nil }

// A cursor walks over the rows of a table that its conditions do not rule out.
type cursor struct {
	table      *table
	rows       *qlfile.Rows
	args       arguments
	conditions []condition
	end        bool
	seen       int

	since    int64 // that snapshot is of
	snapshot *snapshot
}

var _ vtab.Cursor = (*cursor)(nil)

// lookEvery is how many rows are read between two looks at the context.
const lookEvery = 1024

// Filter goes to the first row that the conditions let through, which BestIndex
// has written down as plan.
func (c *cursor) Filter(_ int, plan string, values []vtab.Value) error {
	c.close()
	c.table.session.scanned++
	var err error
	if c.args, c.conditions, err = c.table.conditions(plan, values); err != nil {
		return c.fail(err)
	}
	if only := c.table.of.only; only != nil {
		also, err := only(c.table, c.args.of)
		if err != nil {
			return c.fail(fmt.Errorf("%s: %w", c.table.of.Signature(), err))
		}
		c.conditions = append(c.conditions, also)
	}
	c.end = c.table.positions == nil // the catalog is older than the table
	if c.end {
		return nil
	}
	if c.rows, err = c.table.session.reader.Rows(c.table.of.from); err != nil {
		return c.fail(err)
	}
	return c.Next()
}

// Next goes to the next row.
func (c *cursor) Next() error {
next:
	for c.rows.Next() {
		if c.seen++; c.seen%lookEvery == 0 {
			if err := c.table.session.ctx.Err(); err != nil {
				return c.fail(err)
			}
		}
		for i := range c.conditions {
			if !c.conditions[i](c) {
				continue next
			}
		}
		return nil
	}
	c.end = true
	if err := c.rows.Err(); err != nil {
		return c.fail(err)
	}
	return nil
}

// fail keeps the error for the session: SQLite passes on no more than that there
// was one.
func (c *cursor) fail(err error) error {
	c.table.session.failed = err
	return err
}

// Eof reports whether there are no more rows.
func (c *cursor) Eof() bool { return c.end }

// stored returns the values of the row from that column of the catalog on.
func (c *cursor) stored(position int) *qlfile.Values { return c.rows.Column(position) }

// Column decodes one of the row.
func (c *cursor) Column(n int) (vtab.Value, error) {
	if n >= len(c.table.of.Columns) {
		return c.args.of[n-len(c.table.of.Columns)], nil
	}
	position := c.table.positions[n]
	if position < 0 {
		return nil, nil
	}
	v := c.rows.Column(position)
	value := c.table.columns[n].read(c, v)
	if v.Bad() {
		return nil, c.fail(fmt.Errorf("%s of %s: %w", c.table.columns[n].Name, c.table.of.Name, v.Err()))
	}
	return value, nil
}

// Rowid returns what QL calls id().
func (c *cursor) Rowid() (int64, error) { return c.rows.ID(), nil }

// Close ends the walk.
func (c *cursor) Close() error {
	c.close()
	return nil
}

func (c *cursor) close() {
	if c.rows != nil {
		c.rows.Close()
		c.rows = nil
	}
}
