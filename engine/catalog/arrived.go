package catalog

import (
	"context"
	"fmt"

	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Arrived returns the contents that a snapshot holds and none that was absorbed
// before it does. Empty files are left out: there is nothing that anybody else
// could hold of them.
func (c *Catalog) Arrived(ctx context.Context, id ID) (map[manifest.Digest]bool, error) {
	if err := c.rlock(ctx); err != nil {
		return nil, err
	}
	defer c.mu.RUnlock()
	arrived := map[manifest.Digest]bool{}
	each := func(f func(v *rows.Version)) error {
		return rows.ScanVersions(ctx, c.file, rows.Filter{}, func(v *rows.Version, _ rows.Position) (bool, error) {
			if v.Kind == manifest.File && v.Size > 0 && v.Stored != rows.Absent {
				f(v)
			}
			return true, nil
		})
	}
	err := each(func(v *rows.Version) {
		if v.Since == id {
			arrived[v.Digest] = true
		}
	})
	if err == nil && len(arrived) > 0 {
		err = each(func(v *rows.Version) {
			if v.Since < id {
				delete(arrived, v.Digest)
			}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read what arrived with snapshot %d: %w", id, err)
	}
	return arrived, nil
}
