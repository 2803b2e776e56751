package catalog

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	qlfile "modernc.org/file"
)

// errRewrite says that a copy of what is left is the better way.
var errRewrite = errors.New("too few versions are left to be amended where they lie")

// An amendment changes rows where they lie, for which QL would look at all of
// them or copy them. It has the file closed meanwhile; what is known of that
// stands beside [scanner].
//
// The rows are a chain, and that leads to what is there after every batch.
type amendment struct {
	db        *database
	scan      *scanner
	batchRows int

	last    link     // the row before, or the handle of the first one
	dead    []extent // the rows between that and the next one
	free    []extent // that nothing leads to any more
	grown   []link   // what does not fit for sure
	changed int      // records since the last batch
	row     []byte   // the row at hand
	buf     []byte
}

// A link is a record that begins with the handle of a row.
type link struct {
	extent
	values  []byte
	changed bool // is yet to be put
}

// An extent is where a record lies.
type extent struct {
	at   int64
	room int64 // that it has at least
	from int64 // where at stands instead of it; 0 if nowhere
}

// amend has f change versions. After errRewrite a part of that is done, and to do
// it again changes nothing; after any other error the catalog is no state to go
// on from.
func (c *Catalog) amend(f func(a *amendment) error) error {
	if err := c.db.close(); err != nil {
		return err
	}
	a := &amendment{db: c.db, scan: newScanner(c.db.pages), batchRows: c.batchRows}
	err := f(a)
	a.scan.busy.Wait()
	if err == nil || errors.Is(err, errRewrite) {
		db, opened := openDatabase(c.db.pages, c.private.dir)
		if opened == nil {
			c.db = db
			return err
		}
		err = opened
	}
	c.db.failed = err
	return err
}

// move gives all versions another interval, and takes those out that have none.
func (a *amendment) move(ctx context.Context, interval func(since, until ID) (ID, ID, bool)) error {
	head, err := a.scan.versions()
	if err != nil {
		return err
	}
	next, err := a.follow(head)
	if err != nil {
		return err
	}
	// More rows than the file has room for are a chain that bites its tail.
	limit, rows, gone := a.db.pages.size/32+1024, int64(0), int64(0)
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
		s, err := readLifetime(a.row)
		if err != nil {
			return err
		}
		next = s.next
		since, until, alive := interval(s.since, s.until)
		if !alive {
			gone++
			a.dead = append(a.dead, at)
			continue
		}
		if err := a.relink(handle); err != nil {
			return err
		}
		if a.changed >= a.batchRows {
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
		changed := since != s.since || until != s.until
		s.since, s.until = since, until
		a.last = link{at, s.append(a.last.values[:0]), changed}
	}
	if err := a.relink(0); err != nil {
		return err
	}
	if gone > rows/2 {
		return errRewrite
	}
	return a.write()
}

// A lifetime is a row of versions, taken apart where its interval stands.
type lifetime struct {
	next         int64 // the handle of the row behind
	before       []byte
	since, until ID
	after        []byte
}

// beforeSince is how many values of a row stand before since: the handle of the
// next one, its id() and columns.
const beforeSince = 10

func readLifetime(row []byte) (s lifetime, err error) {
	s.next = (&values{rest: row}).int()
	v := values{rest: row}
	for range beforeSince {
		v.skip()
	}
	s.before = row[:len(row)-len(v.rest)]
	s.since, s.until = ID(v.int()), ID(v.int())
	s.after = v.rest
	if v.bad {
		err = ErrDamaged
	}
	return s, err
}

// append undoes readLifetime.
func (s *lifetime) append(b []byte) []byte {
	b = append(b, s.before...)
	b = appendInt(appendInt(b, int64(s.since)), int64(s.until))
	return append(b, s.after...)
}

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
	a.last = link{extent: at, values: slices.Clone(v.rest)}
	return v.int(), nil
}

func recordLen(values []byte) int64 {
	var length [binary.MaxVarintLen64]byte
	return int64(binary.PutVarint(length[:], int64(len(values))) + len(values))
}

// roundUp returns the room that a record of n bytes has at least.
func roundUp(n int64) int64 { return (n + qlfile.AllocAlign - 1) &^ (qlfile.AllocAlign - 1) }

// relink makes the last row lead to that handle, if it led to one that is dead.
// With that it is all that it has to be.
func (a *amendment) relink(handle int64) error {
	if len(a.dead) > 0 {
		v := values{rest: a.last.values}
		v.skip()
		a.last.values = append(appendInt(nil, handle), v.rest...)
		a.last.changed = true
		a.free = append(a.free, a.dead...)
		a.dead = a.dead[:0]
	}
	if !a.last.changed {
		return nil
	}
	return a.put(a.last)
}

// put changes a record; one that may not fit waits for write.
func (a *amendment) put(l link) error {
	a.changed++
	if recordLen(l.values) > l.room {
		l.values = slices.Clone(l.values)
		a.grown = append(a.grown, l)
		return nil
	}
	a.buf = appendRecord(a.buf[:0], l.values)
	return a.scan.poke(l.at, a.buf)
}

func appendRecord(b, values []byte) []byte {
	return append(binary.AppendVarint(b, int64(len(values))), values...)
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
	if len(a.free) == 0 && len(a.grown) == 0 {
		return nil
	}
	a.scan.forget()
	return a.db.damaged(guard(nil, a.allocate))
}

// allocate frees what nothing leads to, and makes room for what has grown.
func (a *amendment) allocate() error {
	alloc, err := qlfile.NewAllocator(a.db.pages)
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
	for _, l := range a.grown {
		if err := a.grow(alloc, l); err != nil {
			return err
		}
	}
	a.free, a.grown = a.free[:0], a.grown[:0]
	return alloc.Close()
}

// grow changes a record as QL does: one that has outgrown its room moves, and
// leaves behind where to.
func (a *amendment) grow(alloc *qlfile.Allocator, l link) error {
	a.buf = appendRecord(a.buf[:0], l.values)
	room, err := alloc.UsableSize(l.at)
	if err != nil {
		return err
	}
	if int64(len(a.buf)) <= room {
		_, err = a.db.pages.WriteAt(a.buf, l.at)
		return err
	}
	at, err := alloc.Alloc(int64(len(a.buf)))
	if err != nil {
		return err
	}
	if _, err := a.db.pages.WriteAt(a.buf, at); err != nil {
		return err
	}
	handle := l.at
	if l.from != 0 {
		handle = l.from
		if err := alloc.Free(l.at); err != nil {
			return err
		}
	}
	_, err = a.db.pages.WriteAt(binary.AppendVarint(nil, -at), handle)
	return err
}
