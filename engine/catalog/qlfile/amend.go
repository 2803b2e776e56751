package qlfile

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"modernc.org/file"
)

// A Span is two columns of a table that hold an int64 each: that of the number
// First, and the next one.
type Span struct {
	Table string
	First int
}

// An End is a row whose span is to end at another value: the second of the two.
type End struct {
	Handle int64 // see [Rows.Handle]
	Value  int64
}

// End sets the second value of spans, of each row once. It has batchRows rows in
// memory at most. If it fails, the file is no state to go on from.
func (f *File) End(span Span, ends []End, batchRows int) error {
	if len(ends) == 0 {
		return nil
	}
	return f.amend(span, batchRows, func(a *amendment) error { return a.end(ends) })
}

// Move gives all rows of a table another span, and takes those out for which
// move returns false. After [ErrRewrite] a part of that is done, and to do it
// again changes nothing; after any other error the file is no state to go on
// from.
func (f *File) Move(ctx context.Context, span Span, batchRows int, move func(first, second int64) (int64, int64, bool)) error {
	return f.amend(span, batchRows, func(a *amendment) error { return a.move(ctx, move) })
}

// An amendment changes rows where they lie, for which QL would look at all of
// them or copy them. QL has the file closed meanwhile.
//
// The rows are a chain, and that leads to what is there after every batch.
type amendment struct {
	pages     *pages
	scan      *scanner
	span      Span
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

// amend has f change rows.
func (f *File) amend(span Span, batchRows int, change func(a *amendment) error) error {
	if f.failed != nil {
		return f.failed
	}
	if err := f.database.close(); err != nil {
		return err
	}
	a := &amendment{pages: f.pages, scan: newScanner(&f.pages.layers), span: span, batchRows: batchRows}
	a.scan.pages = f.pages
	err := change(a)
	a.scan.close()
	if err == nil || errors.Is(err, ErrRewrite) {
		db, opened := openDatabase(f.pages, f.private.dir)
		if opened == nil {
			f.database = db
			return err
		}
		err = opened
	}
	f.database.failed = err
	return err
}

func (a *amendment) move(ctx context.Context, move func(first, second int64) (int64, int64, bool)) error {
	head, err := a.scan.head(a.span.Table)
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
		s, err := a.span.read(a.row)
		if err != nil {
			return err
		}
		next = s.next
		first, second, alive := move(s.first, s.second)
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
				return ErrRewrite
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := a.write(); err != nil {
				return err
			}
		}
		changed := first != s.first || second != s.second
		s.first, s.second = first, second
		a.last = link{at, s.append(a.last.values[:0]), changed}
	}
	if err := a.relink(0); err != nil {
		return err
	}
	if gone > rows/2 {
		return ErrRewrite
	}
	return a.write()
}

func (a *amendment) end(ends []End) error {
	for _, e := range ends {
		at, row, err := a.read(e.Handle)
		if err != nil {
			return err
		}
		s, err := a.span.read(row.rest)
		if err != nil {
			return err
		}
		s.second = e.Value
		a.row = s.append(a.row[:0])
		if err := a.put(link{extent: at, values: a.row}); err != nil {
			return err
		}
		if a.changed < a.batchRows {
			continue
		}
		if err := a.write(); err != nil {
			return err
		}
	}
	return a.write()
}

// A spanned row is one that is taken apart where its span stands.
type spanned struct {
	next          int64 // the handle of the row behind
	before        []byte
	first, second int64
	after         []byte
}

func (s Span) read(row []byte) (r spanned, err error) {
	v := Values{rest: row}
	r.next = v.Int()
	v.Int() // id()
	for range s.First {
		v.Skip()
	}
	r.before = row[:len(row)-len(v.rest)]
	r.first, r.second = v.Int(), v.Int()
	r.after = v.rest
	return r, v.Err()
}

// append undoes read.
func (r *spanned) append(b []byte) []byte {
	b = append(b, r.before...)
	b = appendInt(appendInt(b, r.first), r.second)
	return append(b, r.after...)
}

// read returns where the record of a handle lies, and its values.
func (a *amendment) read(handle int64) (extent, Values, error) {
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
	return v.Int(), nil
}

func recordLen(values []byte) int64 {
	var length [binary.MaxVarintLen64]byte
	return int64(binary.PutVarint(length[:], int64(len(values))) + len(values))
}

// roundUp returns the room that a record of n bytes has at least.
func roundUp(n int64) int64 { return (n + file.AllocAlign - 1) &^ (file.AllocAlign - 1) }

// relink makes the last row lead to that handle, if it led to one that is dead.
// With that it is all that it has to be.
func (a *amendment) relink(handle int64) error {
	if len(a.dead) > 0 {
		v := Values{rest: a.last.values}
		v.Skip()
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
	return (&database{pages: a.pages}).damaged(a.pages.guard(nil, a.allocate))
}

// allocate frees what nothing leads to, and makes room for what has grown.
func (a *amendment) allocate() error {
	alloc, err := file.NewAllocator(a.pages)
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
func (a *amendment) grow(alloc *file.Allocator, l link) error {
	a.buf = appendRecord(a.buf[:0], l.values)
	room, err := alloc.UsableSize(l.at)
	if err != nil {
		return err
	}
	if int64(len(a.buf)) <= room {
		_, err = a.pages.WriteAt(a.buf, l.at)
		return err
	}
	at, err := alloc.Alloc(int64(len(a.buf)))
	if err != nil {
		return err
	}
	if _, err := a.pages.WriteAt(a.buf, at); err != nil {
		return err
	}
	handle := l.at
	if l.from != 0 {
		handle = l.from
		if err := alloc.Free(l.at); err != nil {
			return err
		}
	}
	_, err = a.pages.WriteAt(binary.AppendVarint(nil, -at), handle)
	return err
}
