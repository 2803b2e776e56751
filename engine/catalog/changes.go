package catalog

import (
	"context"
	"sync"
	"sync/atomic"

	"modernc.org/ql"
)

const (
	rowsPerStatement = 50
	// batchRows is how many rows wait in memory and go into one transaction: QL
	// keeps what a transaction touches until it commits.
	batchRows = 4 << 10
	// batchesPerUpdate is how many batches of rows one scan ends: QL holds them
	// in a map.
	batchesPerUpdate = 64
)

var (
	insertEnds = sync.OnceValue(func() ql.List {
		return ql.MustCompile("INSERT INTO ended VALUES " + parameters(rowsPerStatement, 3) + ";")
	})
	insertEnd = ql.MustCompile("INSERT INTO ended VALUES ($1, $2, $3);")

	createEnded = ql.MustCompile("CREATE TABLE IF NOT EXISTS ended (part int64, path string, row int64);")
	dropEnded   = ql.MustCompile("DROP TABLE IF EXISTS ended;")

	updateEndedPaths = ql.MustCompile(`
		UPDATE versions SET until = $1
			WHERE path IN (SELECT path FROM ended WHERE part == $2) && until == 0 && since <= $1 &&
			since IN (SELECT id FROM snapshots WHERE name == $3);`)
	deleteBegun = ql.MustCompile(`DELETE FROM versions WHERE since == $1;`)
)

// A batch is what waits in memory to be written.
type batch struct {
	begun []version
	ended []string // paths
}

func (b *batch) len() int { return len(b.begun) + len(b.ended) }

func (b *batch) clear() { b.begun, b.ended = b.begun[:0], b.ended[:0] }

// changes are what one snapshot changes: versions that begin with it, and rows
// that ended with the snapshot before it. They collect in a batch; a full one
// is written by another goroutine. Until finish they belong to no snapshot, for
// there is none of their number yet.
type changes struct {
	c    *Catalog
	name string
	id   ID
	base ID // the last snapshot of the name until now

	batch   *batch
	full    chan *batch // nil until the first batch is full
	spare   chan *batch
	done    chan struct{}
	failure atomic.Pointer[error]

	ends  int64   // that were written to the table
	begun []int64 // by batch, what QL calls id() of the first row
	over  bool
}

func (ch *changes) endsPerUpdate() int64 { return batchesPerUpdate * int64(ch.c.batchRows) }

// newChanges reserves the next number. It must be finished or undone.
func (c *Catalog) newChanges(ctx context.Context, name string) (*changes, []Snapshot, error) {
	if !c.recording.TryLock() {
		return nil, nil, ErrBusy
	}
	ch := &changes{c: c, name: name, batch: &batch{}}
	all, err := func() ([]Snapshot, error) {
		c.mu.RLock()
		defer c.mu.RUnlock()
		row, err := c.db.findRow(selectSchema, 2)
		if err != nil {
			return nil, err
		}
		next, _ := row[0].(int64)
		ch.id = ID(next)
		if c.all != nil {
			return c.all, nil
		}
		return c.db.findSnapshots(ctx)
	}()
	if err != nil {
		c.recording.Unlock()
		return nil, nil, err
	}
	c.all = all
	ch.base = last(all, name)
	return ch, all, nil
}

// flush hands the batch over if it is full. The error may be of an earlier one.
func (ch *changes) flush() error {
	if ch.batch.len() < ch.c.batchRows {
		return nil
	}
	if ch.full == nil {
		ch.full, ch.spare, ch.done = make(chan *batch), make(chan *batch, 2), make(chan struct{})
		ch.spare <- &batch{}
		go ch.work()
	}
	ch.full <- ch.batch
	ch.batch = <-ch.spare
	if err := ch.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// work writes the batches. After a failure it goes on to receive, so that the
// caller is never stuck.
func (ch *changes) work() {
	defer close(ch.done)
	for b := range ch.full {
		if ch.failure.Load() == nil {
			if err := ch.c.update(func(tx *ql.TCtx) error { return ch.write(tx, b) }); err != nil {
				ch.failure.Store(&err)
			}
		}
		b.clear()
		ch.spare <- b
	}
}

// wait returns once all batches that were handed over are written.
func (ch *changes) wait() error {
	if ch.full != nil {
		close(ch.full)
		<-ch.done
		ch.full = nil
	}
	if err := ch.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// write inserts what a batch holds.
func (ch *changes) write(tx *ql.TCtx, b *batch) error {
	db := ch.c.db
	for i := range b.begun {
		b.begun[i].since = ch.id
	}
	if err := db.insertVersions(tx, b.begun); err != nil {
		return err
	}
	if len(b.begun) > 0 {
		// QL numbers the rows of a transaction one after the other.
		ch.begun = append(ch.begun, tx.LastInsertID-int64(len(b.begun))+1)
	}
	if len(b.ended) == 0 {
		return nil
	}
	if ch.ends == 0 {
		if err := db.exec(tx, createEnded); err != nil {
			return err
		}
	}
	args := make([]any, 0, rowsPerStatement*3)
	for _, path := range b.ended {
		args = append(args, ch.ends/ch.endsPerUpdate(), path, nil)
		ch.ends++
		if len(args) == rowsPerStatement*3 {
			if err := db.exec(tx, insertEnds(), args...); err != nil {
				return err
			}
			args = args[:0]
		}
	}
	for ; len(args) > 0; args = args[3:] {
		if err := db.exec(tx, insertEnd, args[:3]...); err != nil {
			return err
		}
	}
	return nil
}
