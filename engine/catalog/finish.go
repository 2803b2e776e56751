package catalog

import (
	"context"
	"errors"

	"modernc.org/ql"
)

// finish writes what is left, ends rows and adds the snapshot, all in one
// transaction, after which the changes are there for everybody. If it fails
// they are undone.
func (ch *changes) finish(ctx context.Context, s Snapshot) (ID, error) {
	err := ch.wait()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = ch.c.update(func(tx *ql.TCtx) error {
			if err := ch.write(tx, ch.batch); err != nil {
				return err
			}
			if err := ch.end(tx); err != nil {
				return err
			}
			s.ID, s.Name = ch.id, ch.name
			return ch.c.db.addSnapshot(tx, &s)
		})
	}
	if err != nil {
		return 0, errors.Join(err, ch.undo())
	}
	ch.over = true
	s.ID, s.Name = ch.id, ch.name
	ch.c.all = append(ch.c.all, s)
	ch.c.recording.Unlock()
	return ch.id, nil
}

// end sets until of the ended rows: one scan, or one for every so many of them.
func (ch *changes) end(tx *ql.TCtx) error {
	if ch.ends == 0 {
		return nil
	}
	closed := int64(0)
	for part := int64(0); part*ch.endsPerUpdate() < ch.ends; part++ {
		if err := ch.c.db.exec(tx, updateEndedPaths, int64(ch.base), part, ch.name); err != nil {
			return err
		}
		closed += tx.RowsAffected
	}
	if closed != ch.ends {
		return ErrBase
	}
	return ch.c.db.exec(tx, dropEnded)
}

// undo deletes what was written before finish. After the end it does nothing.
func (ch *changes) undo() error {
	if ch.over {
		return nil
	}
	ch.over = true
	defer ch.c.recording.Unlock()
	written := ch.done != nil
	_ = ch.wait() // whatever failed, the rest goes too
	if !written {
		return nil
	}
	return ch.c.update(func(tx *ql.TCtx) error {
		if err := ch.c.db.exec(tx, dropEnded); err != nil {
			return err
		}
		return ch.c.db.exec(tx, deleteBegun, int64(ch.id))
	})
}
