package catalog

import (
	"context"
	"fmt"

	"phlb/engine/catalog/journal"
	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"

	"phlb/engine/manifest"
)

// Damaged returns what is known to be rotten.
func (c *Catalog) Damaged(ctx context.Context) (map[manifest.Digest][]Damage, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all, err := rows.Damaged(ctx, c.file)
	if err != nil {
		return nil, fmt.Errorf("read damage: %w", err)
	}
	found := map[manifest.Digest][]Damage{}
	for _, d := range all {
		found[d.Digest] = append(found[d.Digest], d)
	}
	return found, nil
}

// RecordDamage notes what was found, in the place of what was noted of the same
// paths before.
func (c *Catalog) RecordDamage(found ...Damage) error {
	if len(found) == 0 {
		return nil
	}
	err := c.recordDamage(found)
	if err != nil {
		return fmt.Errorf("record damage: %w", err)
	}
	return nil
}

func (c *Catalog) recordDamage(found []Damage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, err := rows.Snapshots(context.Background(), c.file)
	if err != nil {
		return err
	}
	err = c.file.Update(func(tx *qlfile.Tx) error {
		for i := range found {
			if err := rows.AddDamage(tx, &found[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	places := placesByNumber(all)
	for i := range found {
		c.found = append(c.found, journal.OfDamage(&found[i], places[found[i].Snapshot]).String())
	}
	return nil
}

// ClearDamage forgets all that was noted of these contents.
func (c *Catalog) ClearDamage(healed ...manifest.Digest) error {
	if len(healed) == 0 {
		return nil
	}
	err := c.update(func(tx *qlfile.Tx) error {
		for _, d := range healed {
			if err := rows.ClearDamage(tx, d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("clear damage: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range healed {
		c.found = append(c.found, journal.Line{Healed: d.String()}.String())
	}
	return nil
}
