package catalog

import (
	"context"
	"fmt"

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
	each := func(f func(v *version)) error {
		return c.db.scanVersions(ctx, nil, func(v *version, _ position) (bool, error) {
			if v.kind == manifest.File && v.size > 0 && v.stored != absent {
				f(v)
			}
			return true, nil
		})
	}
	err := each(func(v *version) {
		if v.since == id {
			arrived[v.digest] = true
		}
	})
	if err == nil && len(arrived) > 0 {
		err = each(func(v *version) {
			if v.since < id {
				delete(arrived, v.digest)
			}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read what arrived with snapshot %d: %w", id, err)
	}
	return arrived, nil
}
