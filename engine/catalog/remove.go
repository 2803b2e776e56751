package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"phlb/engine/catalog/qlfile"
)

var (
	createRemoved   = qlfile.Compile(`CREATE TABLE removed (id int64);`)
	insertRemoved   = qlfile.Compile(`INSERT INTO removed VALUES ($1);`)
	deleteSnapshots = qlfile.Compile(`DELETE FROM snapshots WHERE id IN (SELECT id FROM removed);`)
	dropRemoved     = qlfile.Compile(`DROP TABLE removed;`)
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
	all, err := c.db.findSnapshots(ctx)
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
		c.gone = map[snapshotPlace]ID{}
	}
	for id, of := range placesByNumber(all) {
		if gone[id] {
			c.gone[of] = id
		}
	}
	c.forgetVerified(gone)
	clear(c.open) // rows live on that had ended
	err = c.db.Move(ctx, lifetime, c.batchRows, func(since, until int64) (int64, int64, bool) {
		from, to, alive := moves.interval(ID(since), ID(until))
		return int64(from), int64(to), alive
	})
	switch {
	case errors.Is(err, qlfile.ErrRewrite):
		return c.rewrite(ctx, all, gone, func(v *version) (alive bool) {
			v.since, v.until, alive = moves.interval(v.since, v.until)
			return alive
		})
	case err != nil:
		return err
	}
	return c.db.Update(func(tx *qlfile.Tx) error { return c.db.forget(tx, gone) })
}

// forget deletes snapshots, and what hangs on them but the versions. However
// many there are, it takes one look at all.
func (d *database) forget(tx *qlfile.Tx, gone map[ID]bool) error {
	if err := tx.Exec(createRemoved); err != nil {
		return err
	}
	for id := range gone {
		if err := tx.Exec(insertRemoved, int64(id)); err != nil {
			return err
		}
	}
	for _, statement := range []qlfile.Statement{deleteSnapshots, deleteVerifications, dropRemoved} {
		if err := tx.Exec(statement); err != nil {
			return err
		}
	}
	return nil
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
	names := namesOf(all)
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
func (c *Catalog) rewrite(ctx context.Context, all []Snapshot, gone map[ID]bool, keep func(v *version) bool) error {
	clear(c.open) // rows get other numbers
	file, err := c.db.Rewrite(func(file *qlfile.File) error {
		to := &database{file}
		if err := to.migrate(false); err != nil {
			return err
		}
		if err := c.db.copyVersions(ctx, to, keep, c.batchRows); err != nil {
			return err
		}
		return c.db.copyRest(ctx, to, all, gone)
	})
	if err != nil {
		return err
	}
	c.db = &database{file}
	return nil
}

func (d *database) copyVersions(ctx context.Context, to *database, keep func(v *version) bool, batchRows int) error {
	rows, room := make([]version, 0, batchRows), 0
	write := func() error {
		err := to.Update(func(tx *qlfile.Tx) error { return to.insertVersions(tx, rows) })
		rows, room = rows[:0], 0
		return err
	}
	err := d.scanVersions(ctx, nil, func(v *version, _ position) (bool, error) {
		if !keep(v) {
			return true, nil
		}
		rows, room = append(rows, v.clone()), room+v.room()
		if len(rows) < batchRows && room < batchBytes {
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
func (d *database) copyRest(ctx context.Context, to *database, all []Snapshot, gone map[ID]bool) error {
	next, err := d.Row(selectSchema, 2)
	if err != nil {
		return err
	}
	journal, err := d.Row(selectJournal, 2)
	if err != nil {
		return err
	}
	type insertion struct {
		into qlfile.Statement
		row  []any
	}
	var rest []insertion
	for _, table := range []struct{ from, into qlfile.Statement }{
		{selectDamage, insertDamage}, {selectRuns, insertRun}, {selectVerifications, insertVerification},
		{selectUnwritten, insertUnwritten},
	} {
		err := d.Select(ctx, table.from, nil, func(row []any) (bool, error) {
			rest = append(rest, insertion{table.into, row})
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	slices.Reverse(rest) // QL begins with the last row of a table
	return to.Update(func(tx *qlfile.Tx) error {
		for i := range all {
			if gone[all[i].ID] {
				continue
			}
			if err := tx.Exec(insertSnapshot, all[i].row()...); err != nil {
				return err
			}
		}
		for _, r := range rest {
			if err := tx.Exec(r.into, r.row...); err != nil {
				return err
			}
		}
		if err := to.forget(tx, gone); err != nil {
			return err
		}
		if err := tx.Exec(updateJournal, journal...); err != nil {
			return err
		}
		return tx.Exec(updateNext, next[0])
	})
}
