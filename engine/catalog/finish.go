package catalog

import (
	"context"
	"errors"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

var deleteBegun = qlfile.Compile(`DELETE FROM versions WHERE since == $1;`)

// finish writes what is left, ends rows and adds the snapshot, after which the
// changes are there for everybody. If it fails they are undone, or the catalog
// is no state to go on from.
func (ch *changes) finish(ctx context.Context, s Snapshot) (ID, error) {
	s.ID, s.Name = ch.id, ch.name
	err := ch.wait()
	if err == nil {
		err = ch.commit(ctx, &s)
	}
	if err != nil {
		return 0, errors.Join(err, ch.undo())
	}
	ch.over = true
	ch.c.all = append(ch.c.all, s)
	ch.c.recording.Unlock()
	return ch.id, nil
}

func (ch *changes) commit(ctx context.Context, s *Snapshot) error {
	c := ch.c
	c.mu.Lock()
	defer c.mu.Unlock()
	// Before anything is changed, since one may be missing.
	endings, err := ch.findEnded(ctx)
	if err != nil {
		return err
	}
	err = c.file.Update(func(tx *qlfile.Tx) error {
		if err := ch.write(tx, ch.batch); err != nil {
			return err
		}
		if err := rows.AddSnapshot(tx, s); err != nil {
			return err
		}
		return rows.SetNext(tx, s.ID+1)
	})
	if err != nil {
		return err
	}
	return c.end(endings)
}

// undo deletes what was written before finish. After the end it does nothing, nor
// where the catalog is no state to go on from.
func (ch *changes) undo() error {
	if ch.over {
		return nil
	}
	ch.over = true
	defer ch.c.recording.Unlock()
	written := ch.done != nil
	_ = ch.wait() // whatever failed, the rest goes too
	ch.c.mu.Lock()
	defer ch.c.mu.Unlock()
	if !written || ch.c.file.Failed() != nil {
		return nil
	}
	return ch.c.file.Update(func(tx *qlfile.Tx) error { return tx.Exec(deleteBegun, int64(ch.id)) })
}
