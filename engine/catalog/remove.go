package catalog

import (
	"context"
	"errors"
	"fmt"

	"phlb/engine/catalog/journal"
	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

// Remove takes snapshots out, and the versions that no other one holds. Numbers
// that are not there are passed over.
func (c *Catalog) Remove(ctx context.Context, ids ...ID) error {
	if err := c.remove(ctx, ids); err != nil {
		return fmt.Errorf("remove snapshots %v: %w", ids, err)
	}
	return nil
}

func (c *Catalog) remove(ctx context.Context, ids []ID) error {
	if !c.recording.TryLock() {
		return ErrBusy
	}
	defer c.recording.Unlock()
	c.all = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.settleLocked(ctx); err != nil {
		return err
	}
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return err
	}
	gone := map[ID]bool{}
	for _, id := range ids {
		gone[id] = true
	}
	moves := movesOf(all, gone)
	if len(moves) == 0 {
		return nil
	}
	if c.gone == nil {
		c.gone = map[journal.Place]ID{}
	}
	for id, of := range placesByNumber(all) {
		if gone[id] {
			c.gone[of] = id
		}
	}
	c.forgetVerified(gone)
	clear(c.open) // rows live on that had ended
	err = c.file.Move(ctx, rows.Lifetime, c.batchRows, func(since, until int64) (int64, int64, bool) {
		from, to, alive := moves.interval(ID(since), ID(until))
		return int64(from), int64(to), alive
	})
	switch {
	case errors.Is(err, qlfile.ErrRewrite):
		return c.rewrite(ctx, all, gone, func(v *rows.Version) (alive bool) {
			v.Since, v.Until, alive = moves.interval(v.Since, v.Until)
			return alive
		})
	case err != nil:
		return err
	}
	return c.file.Update(func(tx *qlfile.Tx) error { return rows.Forget(tx, gone) })
}

// moves say where an interval begins and ends instead, by where it did.
type moves map[ID]move

type move struct {
	since ID // the first from there on that stays; 0 if there is none
	until ID // the last up to there that stays; 0 if there is none
	open  bool
}

// movesOf returns the moves of the names that lose a snapshot.
func movesOf(all []Snapshot, gone map[ID]bool) moves {
	m := moves{}
	done := map[string]bool{}
	names := rows.NamesOf(all)
	for _, s := range all {
		if done[s.Name] || !gone[s.ID] {
			continue
		}
		done[s.Name] = true
		list := *names[s.ID] // the last one first
		after, last := ID(0), ID(0)
		for _, s := range list {
			if !gone[s.ID] {
				after = s.ID
				last = max(last, s.ID)
			}
			m[s.ID] = move{since: after}
		}
		before := ID(0)
		for i := range list {
			id := list[len(list)-1-i].ID
			if !gone[id] {
				before = id
			}
			m[id] = move{since: m[id].since, until: before, open: before == last}
		}
	}
	return m
}

// interval moves one, and reports whether a snapshot is left in it.
func (m moves) interval(since, until ID) (ID, ID, bool) {
	from, ok := m[since]
	if !ok {
		return since, until, true
	}
	if until == 0 {
		return from.since, 0, from.since != 0
	}
	to := m[until]
	if from.since == 0 || from.since > to.until {
		return 0, 0, false
	}
	if to.open {
		return from.since, 0, true
	}
	return from.since, to.until, true
}

// rewrite copies all but the snapshots that are gone to a new file, with the
// versions that keep returns true for, as it leaves them. That takes as long as
// two of the statements would that it saves.
func (c *Catalog) rewrite(ctx context.Context, all []Snapshot, gone map[ID]bool, keep func(v *rows.Version) bool) error {
	clear(c.open) // rows get other numbers
	file, err := c.file.Rewrite(func(to *qlfile.File) error {
		if _, err := rows.Migrate(to); err != nil {
			return err
		}
		if err := c.copyVersions(ctx, to, keep); err != nil {
			return err
		}
		return c.copyRest(ctx, to, all, gone)
	})
	if err != nil {
		return err
	}
	c.file = file
	return nil
}

func (c *Catalog) copyVersions(ctx context.Context, to *qlfile.File, keep func(v *rows.Version) bool) error {
	batch, room := make([]rows.Version, 0, c.batchRows), 0
	write := func() error {
		err := to.Update(func(tx *qlfile.Tx) error { return rows.InsertVersions(tx, batch) })
		batch, room = batch[:0], 0
		return err
	}
	err := rows.ScanVersions(ctx, c.file, rows.Filter{}, func(v *rows.Version, _ rows.Position) (bool, error) {
		if !keep(v) {
			return true, nil
		}
		batch, room = append(batch, v.Clone()), room+v.Room()
		if len(batch) < c.batchRows && room < batchBytes {
			return true, nil
		}
		return true, write()
	})
	if err != nil {
		return err
	}
	return write()
}

// copyRest copies all but the versions.
func (c *Catalog) copyRest(ctx context.Context, to *qlfile.File, all []Snapshot, gone map[ID]bool) error {
	next, err := rows.Next(c.file)
	if err != nil {
		return err
	}
	size, sum, err := rows.JournalRead(c.file)
	if err != nil {
		return err
	}
	h, err := readHistory(ctx, c.file)
	if err != nil {
		return err
	}
	unwritten, err := rows.Unwritten(ctx, c.file)
	if err != nil {
		return err
	}
	return to.Update(func(tx *qlfile.Tx) error {
		for i := range all {
			if gone[all[i].ID] {
				continue
			}
			if err := rows.AddSnapshot(tx, &all[i]); err != nil {
				return err
			}
		}
		if err := h.add(tx); err != nil {
			return err
		}
		if err := rows.AddUnwritten(tx, unwritten); err != nil {
			return err
		}
		if err := rows.Forget(tx, gone); err != nil {
			return err
		}
		if err := rows.SetJournalRead(tx, size, sum); err != nil {
			return err
		}
		return rows.SetNext(tx, next)
	})
}
