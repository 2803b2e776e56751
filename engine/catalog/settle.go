package catalog

import (
	"context"

	"modernc.org/ql"
)

// Absorb leaves it until later to write which rows have ended: to tell QL takes
// a scan for every snapshot, or, for any number of them, one copy of all rows.

var updateEndedRows = ql.MustCompile(`
	UPDATE versions SET until = $1 WHERE id() IN (SELECT row FROM ended WHERE part == $2);`)

// rlock locks the catalog for one who reads versions.
func (c *Catalog) rlock(ctx context.Context) error {
	for {
		c.mu.RLock()
		if len(c.ends) == 0 {
			return nil
		}
		c.mu.RUnlock()
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
}

// settle writes what Absorb has left to be written.
func (c *Catalog) settle(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settleLocked(ctx)
}

func (c *Catalog) settleLocked(ctx context.Context) error {
	if len(c.ends) == 0 {
		return nil
	}
	if c.db.failed != nil {
		return c.db.failed
	}
	byEnd := map[ID][]int64{}
	for row, until := range c.ends {
		byEnd[until] = append(byEnd[until], row)
	}
	if len(byEnd) > 2 || len(c.ends) > batchesPerUpdate*batchRows {
		all, err := c.db.findSnapshots(ctx)
		if err != nil {
			return err
		}
		err = c.rewrite(ctx, all, nil, func(v *version, row int64) bool {
			if until, ended := c.ends[row]; ended {
				v.until = until
			}
			return true
		})
		if err != nil {
			return err
		}
	} else {
		for until, rows := range byEnd {
			if err := c.endRows(until, rows); err != nil {
				return err
			}
		}
	}
	c.ends = nil
	return nil
}

// endRows has rows end with the snapshot until.
func (c *Catalog) endRows(until ID, rows []int64) error {
	return c.db.update(func(tx *ql.TCtx) error {
		if err := c.db.exec(tx, createEnded); err != nil {
			return err
		}
		args := make([]any, 0, rowsPerStatement*3)
		for _, row := range rows {
			if args = append(args, int64(0), nil, row); len(args) == rowsPerStatement*3 {
				if err := c.db.exec(tx, insertEnds(), args...); err != nil {
					return err
				}
				args = args[:0]
			}
		}
		for ; len(args) > 0; args = args[3:] {
			if err := c.db.exec(tx, insertEnd, args[:3]...); err != nil {
				return err
			}
		}
		if err := c.db.exec(tx, updateEndedRows, int64(until), int64(0)); err != nil {
			return err
		}
		return c.db.exec(tx, dropEnded)
	})
}
