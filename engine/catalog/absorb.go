package catalog

import (
	"context"
	"fmt"
	"iter"

	"phlb/engine/catalog/keyed"
	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Absorb adds a snapshot with all that its manifest holds, to the same effect
// as recording it. Its number is the next one, whatever its time. An error of
// entries, or any other, leaves the catalog as it was. The summary of s is taken
// after the last entry, for it is the end of a manifest that tells it.
//
// The first call for a name reads all versions; from then on the catalog keeps
// about 20 bytes for every path of that name.
func (c *Catalog) Absorb(ctx context.Context, s *Snapshot, entries iter.Seq2[*manifest.Entry, error]) (ID, error) {
	id, err := c.absorb(ctx, s, entries)
	if err != nil {
		return 0, fmt.Errorf("absorb %s/%s: %w", s.Name, s.Stamp, err)
	}
	return id, nil
}

func (c *Catalog) absorb(ctx context.Context, s *Snapshot, entries iter.Seq2[*manifest.Entry, error]) (ID, error) {
	if err := manifest.CheckTags(s.Tags); err != nil { // the table has one per line
		return 0, err
	}
	ch, all, err := c.newChanges(ctx, s.Name)
	if err != nil {
		return 0, err
	}
	open, err := c.findOpen(ctx, all, s.Name)
	if err == nil {
		err = unknown(all, s.Name, s.Stamp)
	}
	var keys []uint64
	if err == nil {
		keys, err = ch.compare(ctx, open, entries)
	}
	if err != nil {
		c.forget(s.Name) // half of the marks are set
		ch.undo()
		return 0, err
	}
	endedKeys, endedRows := open.Unmarked()
	id, err := ch.finish(ctx, *s)
	if err != nil {
		c.forget(s.Name)
		return 0, err
	}
	for _, key := range endedKeys {
		open.Delete(key)
	}
	for _, begun := range ch.begun {
		for i, key := range keys[:begun.n] {
			open.Put(key, begun.first+int64(i))
		}
		keys = keys[begun.n:]
	}
	open.Unmark()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cameLate = true
	c.open[s.Name] = open
	if c.ends == nil {
		c.ends = map[int64]ID{}
	}
	for _, row := range endedRows {
		c.ends[row] = ch.base
	}
	return id, nil
}

// compare marks the open rows that live on, adds what begins to the changes,
// and returns the keys of that.
func (ch *changes) compare(ctx context.Context, open *keyed.Rows, entries iter.Seq2[*manifest.Entry, error]) ([]uint64, error) {
	h := keyed.Hasher{Seed: ch.c.seed}
	var keys []uint64
	n := 0
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v := rows.VersionOf(e)
		key := h.Key(&v)
		if open.Mark(key) {
			continue
		}
		keys = append(keys, key)
		if err := ch.add(v); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// findOpen returns the rows that live in the last snapshot of a name.
func (c *Catalog) findOpen(ctx context.Context, all []Snapshot, name string) (*keyed.Rows, error) {
	c.mu.RLock()
	known := c.open[name]
	c.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	if err := c.rlock(ctx); err != nil {
		return nil, err
	}
	defer c.mu.RUnlock()
	open := &keyed.Rows{}
	ours := rows.NumbersOf(all, name)
	if len(ours) == 0 {
		return open, nil
	}
	h := keyed.Hasher{Seed: c.seed}
	err := rows.ScanVersions(ctx, c.file, rows.Filter{}, func(v *rows.Version, at rows.Position) (bool, error) {
		if v.Until == 0 && ours[v.Since] {
			open.Put(h.Key(v), at.ID)
		}
		return true, nil
	})
	return open, err
}

// forget drops what Absorb keeps for a name.
func (c *Catalog) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, name)
}
