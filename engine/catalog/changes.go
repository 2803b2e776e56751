package catalog

import (
	"context"
	"sync/atomic"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

const (
	// batchRows is how many rows wait in memory and go into one transaction: QL
	// keeps what a transaction touches until it commits.
	batchRows = 4 << 10
	// batchBytes is how much the texts of a batch may take: a path may be long.
	batchBytes = 4 << 20
)

// changes are what one snapshot changes: versions that begin with it, and rows
// that ended with the snapshot before it. They collect in a batch; a full one
// is written by another goroutine. Until finish they belong to no snapshot, for
// there is none of their number yet.
type changes struct {
	c    *Catalog
	name string
	id   ID
	base ID // the last snapshot of the name until now

	batch   []rows.Version      // that begin
	room    int                 // what the texts of the batch take
	full    chan []rows.Version // nil until the first batch is full
	spare   chan []rows.Version
	done    chan struct{}
	failure atomic.Pointer[error]

	ended endedPaths
	begun []span // by batch
	over  bool
}

// A span is of rows that were inserted one after the other.
type span struct {
	first int64 // what QL calls id() of the first
	n     int
}

// newChanges reserves the next number. It must be finished or undone.
func (c *Catalog) newChanges(ctx context.Context, name string) (*changes, []Snapshot, error) {
	if !c.recording.TryLock() {
		return nil, nil, ErrBusy
	}
	ch := &changes{c: c, name: name, ended: newEndedPaths()}
	all, err := func() ([]Snapshot, error) {
		c.mu.RLock()
		defer c.mu.RUnlock()
		var err error
		if ch.id, err = rows.Next(c.file); err != nil {
			return nil, err
		}
		if c.all != nil {
			return c.all, nil
		}
		return rows.Snapshots(ctx, c.file)
	}()
	if err != nil {
		c.recording.Unlock()
		return nil, nil, err
	}
	c.all = all
	ch.base = rows.Last(all, name)
	return ch, all, nil
}

// add takes a version that begins, and hands the batch over if it is full. The
// error may be of an earlier batch.
func (ch *changes) add(v rows.Version) error {
	ch.batch = append(ch.batch, v)
	ch.room += v.Room()
	if len(ch.batch) < ch.c.batchRows && ch.room < batchBytes {
		return nil
	}
	if ch.full == nil {
		ch.full, ch.spare, ch.done = make(chan []rows.Version), make(chan []rows.Version, 2), make(chan struct{})
		ch.spare <- nil
		go ch.work()
	}
	ch.full <- ch.batch
	ch.batch, ch.room = <-ch.spare, 0
	return ch.failed()
}

// failed returns the error of the batches that were written until now.
func (ch *changes) failed() error {
	if err := ch.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// work writes the batches. After a failure it goes on to receive, so that the
// caller is never stuck.
func (ch *changes) work() {
	defer close(ch.done)
	for batch := range ch.full {
		if ch.failure.Load() == nil {
			if err := ch.c.update(func(tx *qlfile.Tx) error { return ch.write(tx, batch) }); err != nil {
				ch.failure.Store(&err)
			}
		}
		ch.spare <- batch[:0]
	}
}

// wait returns once all batches that were handed over are written.
func (ch *changes) wait() error {
	if ch.full != nil {
		close(ch.full)
		<-ch.done
		ch.full = nil
	}
	return ch.failed()
}

// write inserts versions that begin.
func (ch *changes) write(tx *qlfile.Tx, batch []rows.Version) error {
	if len(batch) == 0 {
		return nil
	}
	for i := range batch {
		batch[i].Since = ch.id
	}
	if err := rows.InsertVersions(tx, batch); err != nil {
		return err
	}
	// QL numbers the rows of a transaction one after the other.
	ch.begun = append(ch.begun, span{tx.Inserted() - int64(len(batch)) + 1, len(batch)})
	return nil
}
