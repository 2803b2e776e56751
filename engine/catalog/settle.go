package catalog

import (
	"context"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

// Absorb leaves it until later to write which rows have ended: to find them takes
// a scan, whether they are those of one snapshot or of many.

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
	endings := make([]qlfile.End, 0, len(c.ends))
	err := rows.ScanVersions(ctx, c.file, rows.Filter{}, func(_ *rows.Version, at rows.Position) (bool, error) {
		if until, ended := c.ends[at.ID]; ended {
			endings = append(endings, qlfile.End{Handle: at.Handle, Value: int64(until)})
		}
		return true, nil
	})
	if err == nil {
		err = c.end(endings)
	}
	if err == nil {
		c.ends = nil
	}
	return err
}
