package catalog

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	qlfile "modernc.org/file"
)

// errRewrite says that a copy of what is left is the better way, or the only one.
var errRewrite = errors.New("versions cannot be amended where they lie")

// An amendment moves the ends of intervals where they lie, and takes rows out
// whose interval is gone. QL, which needs a copy of all rows for that, has the
// file closed meanwhile; what is known of that stands beside [scanner].
//
// The rows are a chain, and that leads to what is there after every batch.
type amendment struct {
	pages    *pages
	scan     *scanner
	interval func(since, until ID) (ID, ID, bool)

	last    link     // the row before, or the handle of the first one
	dead    []extent // the rows between that and the next one
	free    []extent // that nothing leads to any more
	changed int      // records since the last batch
	row     []byte   // the row at hand
	buf     []byte
}

// A link is a record that begins with the handle of a row.
type link struct {
	extent
	values []byte
}

// An extent is where a record lies.
type extent struct {
	at   int64
	room int64
	from int64 // where at stands instead of it; 0 if nowhere
}

// amend does it for all versions. After errRewrite some of them are amended, and
// to do so again changes nothing; after any other error the catalog is no state
// to go on from.
func (c *Catalog) amend(ctx context.Context, interval func(since, until ID) (ID, ID, bool)) error {
	clear(c.open) // rows live on that had ended
	if err := c.db.close(); err != nil {
		return err
	}
	p := c.db.pages
	a := &amendment{pages: p, scan: newScanner(p), interval: interval}
	err := a.run(ctx, c.batchRows)
	a.scan.busy.Wait()
	if err == nil || errors.Is(err, errRewrite) {
		db, opened := openDatabase(p, c.private.dir)
		if opened == nil {
			c.db = db
			return err
		}
		err = opened
	}
	c.db.failed = err
	return err
}

func (a *amendment) run(ctx context.Context, batchRows int) error {
	head, err := a.scan.versions()
	if err != nil {
		return err
	}
	next, err := a.follow(head)
	if err != nil {
		return err
	}
	// More rows than the file has room for are a chain that bites its tail.
	limit, rows, gone := a.pages.size/32+1024, int64(0), int64(0)
	for next != 0 {
		if rows++; rows > limit {
			return ErrDamaged
		}
		handle := next
		at, row, err := a.read(handle)
		if err != nil {
			return err
		}
		a.row = append(a.row[:0], row.rest...) // what it was read from may be used for another block
		row.rest = a.row
		next = row.int()
		for range versionBefore {
			row.skip()
		}
		before := a.row[:len(a.row)-len(row.rest)]
		since, until := ID(row.int()), ID(row.int())
		if row.bad {
			return ErrDamaged
		}
		newSince, newUntil, alive := a.interval(since, until)
		if !alive {
			gone++
			a.dead = append(a.dead, at)
			continue
		}
		if err := a.relink(handle); err != nil {
			return err
		}
		values := append(a.last.values[:0], before...)
		values = appendInt(appendInt(values, int64(newSince)), int64(newUntil))
		a.last = link{at, append(values, row.rest...)}
		if newSince != since || newUntil != until {
			if err := a.put(&a.last); err != nil {
				return err
			}
		}
		if a.changed < batchRows {
			continue
		}
		if gone > rows/2 {
			return errRewrite
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.write(); err != nil {
			return err
		}
	}
	if err := a.relink(0); err != nil {
		return err
	}
	if gone > rows/2 {
		return errRewrite
	}
	return a.write()
}

// versionBefore is how many values of a row stand between the handle of the next
// one and since: its id() and columns.
const versionBefore = 9

// read returns where the record of a handle lies, and its values.
func (a *amendment) read(handle int64) (extent, values, error) {
	from := offset(handle)
	at, v, err := a.scan.locate(from)
	if err != nil {
		return extent{}, v, err
	}
	e := extent{at: at, room: roundUp(recordLen(v.rest))}
	if at != from {
		e.from = from
	}
	return e, v, nil
}

// follow makes the record of a handle the last, and returns what it leads to.
func (a *amendment) follow(handle int64) (next int64, err error) {
	at, v, err := a.read(handle)
	if err != nil {
		return 0, err
	}
	a.last = link{at, slices.Clone(v.rest)}
	return v.int(), nil
}

func recordLen(values []byte) int64 {
	var length [binary.MaxVarintLen64]byte
	return int64(binary.PutVarint(length[:], int64(len(values))) + len(values))
}

// roundUp returns the room that a record of n bytes has at least.
func roundUp(n int64) int64 { return (n + qlfile.AllocAlign - 1) &^ (qlfile.AllocAlign - 1) }

// relink makes the last row lead to that handle, if it led to one that is dead.
func (a *amendment) relink(handle int64) error {
	if len(a.dead) == 0 {
		return nil
	}
	v := values{rest: a.last.values}
	v.skip()
	a.last.values = append(appendInt(nil, handle), v.rest...)
	a.free = append(a.free, a.dead...)
	a.dead = a.dead[:0]
	return a.put(&a.last)
}

// put changes a record.
func (a *amendment) put(l *link) error {
	if recordLen(l.values) > l.room {
		return errRewrite
	}
	a.changed++
	a.buf = append(binary.AppendVarint(a.buf[:0], int64(len(l.values))), l.values...)
	return a.scan.poke(l.at, a.buf)
}

// write writes what was changed, and frees what nothing leads to then.
func (a *amendment) write() error {
	a.changed = 0
	for _, e := range a.free {
		if err := a.scan.poke(e.at, make([]byte, e.room)); err != nil { // compresses well
			return err
		}
	}
	if err := a.scan.flush(); err != nil {
		return err
	}
	if len(a.free) == 0 {
		return nil
	}
	alloc, err := qlfile.NewAllocator(a.pages)
	if err != nil {
		return err
	}
	alloc.SetAutoFlush(false)
	for _, e := range a.free {
		if err := alloc.Free(e.at); err != nil {
			return err
		}
		if e.from != 0 {
			if err := alloc.Free(e.from); err != nil {
				return err
			}
		}
	}
	a.free = a.free[:0]
	a.scan.forget()
	return alloc.Close()
}
