package catalog

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"phlb/engine/manifest"
)

// QL reads a row in about a microsecond, most of which goes into one value of
// its own for each column. Most of what a catalog is asked is answered by a look
// at all versions, so these are read here from the blocks themselves. That
// knows of file format 2:
//
//   - A handle h is the offset 16(h-1)+304, where the length of a record stands
//     as a varint, and behind it the values; a negative length is the offset,
//     negated, where it stands instead.
//   - Handle 1 is the handle of the first table; a table is the next one, its
//     columns, the handle of the handle of its first row, and its name; a row is
//     the next one, its id() and its columns.
//   - A value is a tag and what that asks for.
const (
	tagNull      = 0
	tagBlob      = 5
	tagNoBlob    = 6
	tagInt       = 18
	tagZero      = 19
	tagString    = 22
	tagNoString  = 23
	tagTime      = 24
	tagZeroTime  = 25
	tagNamedTime = 35
)

func offset(handle int64) int64 { return (handle-1)<<4 + 304 }

// A scanner reads records for one goroutine, of a database that nobody else
// writes to meanwhile. It unpacks the blocks before the one that it is asked for ahead:
// a table begins with its last row.
type scanner struct {
	pages *pages
	kept  [keptBlocks]block
	ahead map[int64]chan unpacked
	spare [][]byte
	busy  sync.WaitGroup
	dirty map[int64]bool // blocks that were changed by poke
}

type unpacked struct {
	data []byte
	err  error
}

const (
	keptBlocks  = 32 // that a scanner keeps: 2 MiB
	blocksAhead = 3  // that are unpacked beside the scan
)

func newScanner(p *pages) *scanner { return &scanner{pages: p, ahead: map[int64]chan unpacked{}} }

func (s *scanner) block(n int64) ([]byte, error) {
	slot := &s.kept[n%keptBlocks]
	if slot.data != nil && slot.n == n {
		return slot.data, nil
	}
	wanted := s.start(n)
	for i := range int64(blocksAhead) {
		if next := n - 1 - i; next >= 0 && s.kept[next%keptBlocks].n != next {
			s.start(next)
		}
	}
	got := <-wanted
	delete(s.ahead, n)
	if slot.data != nil {
		if s.dirty[slot.n] {
			if err := s.flush(); err != nil {
				return nil, err
			}
		}
		s.spare = append(s.spare, slot.data)
	}
	*slot = block{n, got.data}
	if got.err != nil {
		slot.data = nil
	}
	return got.data, got.err
}

// start has a block unpacked, and returns where it will arrive.
func (s *scanner) start(n int64) chan unpacked {
	if c := s.ahead[n]; c != nil {
		return c
	}
	// Those that nobody came for: the chain has gone elsewhere.
	if len(s.ahead) > 4*blocksAhead {
		clear(s.ahead)
	}
	c := make(chan unpacked, 1)
	s.ahead[n] = c
	var data []byte
	if last := len(s.spare) - 1; last >= 0 {
		data, s.spare = s.spare[last], s.spare[:last]
	} else {
		data = make([]byte, blockSize)
	}
	s.busy.Go(func() { c <- unpacked{data, s.pages.read(n, data)} })
	return c
}

// poke changes what is at an offset, for this scanner until flush.
func (s *scanner) poke(off int64, b []byte) error {
	for len(b) > 0 {
		n := off / blockSize
		data, err := s.block(n)
		if err != nil {
			return err
		}
		done := copy(data[off%blockSize:], b)
		off, b = off+int64(done), b[done:]
		if s.dirty == nil {
			s.dirty = map[int64]bool{}
		}
		s.dirty[n] = true
	}
	return nil
}

// flush writes what poke has changed.
func (s *scanner) flush() error {
	s.busy.Wait() // for who must not read what is being written
	for n := range s.dirty {
		if err := s.pages.replace(n, s.kept[n%keptBlocks].data); err != nil {
			return err
		}
	}
	clear(s.dirty)
	return nil
}

// forget has all blocks read again, since somebody else has written to them.
func (s *scanner) forget() {
	clear(s.ahead)
	for i := range s.kept {
		if data := s.kept[i].data; data != nil {
			s.spare = append(s.spare, data)
		}
		s.kept[i] = block{}
	}
}

// bytes returns n bytes, which are good until those of another record are asked for.
func (s *scanner) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > s.pages.size-n {
		return nil, ErrDamaged
	}
	data, err := s.block(off / blockSize)
	if err != nil {
		return nil, err
	}
	from := off % blockSize
	if from+n <= blockSize {
		return data[from : from+n : from+n], nil
	}
	all := append(make([]byte, 0, n), data[from:]...)
	for int64(len(all)) < n {
		if data, err = s.block((off + int64(len(all))) / blockSize); err != nil {
			return nil, err
		}
		all = append(all, data[:min(blockSize, n-int64(len(all)))]...)
	}
	return all, nil
}

// record returns the values of a record.
func (s *scanner) record(off int64) (values, error) {
	_, v, err := s.locate(off)
	return v, err
}

// locate is record, and returns also where the record itself lies.
func (s *scanner) locate(off int64) (int64, values, error) {
	for range 2 {
		head, err := s.bytes(off, min(binary.MaxVarintLen64, s.pages.size-off))
		if err != nil {
			return 0, values{}, err
		}
		length, n := binary.Varint(head)
		switch {
		case n <= 0 || length > math.MaxInt32:
			return 0, values{}, ErrDamaged
		case length >= 0:
			b, err := s.bytes(off+int64(n), length)
			return off, values{rest: b}, err
		}
		off = -length
	}
	return 0, values{}, ErrDamaged
}

// versions returns the handle of the handle of the first version.
func (s *scanner) versions() (int64, error) {
	root, err := s.record(offset(1))
	if err != nil {
		return 0, err
	}
	next := root.int()
	for range 100 {
		if next == 0 || root.bad {
			break
		}
		table, err := s.record(offset(next))
		if err != nil {
			return 0, err
		}
		next = table.int()
		table.text()
		head, name := table.int(), table.text()
		if name != "versions" || table.bad {
			continue
		}
		return head, nil
	}
	return 0, fmt.Errorf("%w: no table of versions", ErrDamaged)
}

// A position says which row of versions one is.
type position struct {
	handle  int64  // of its record
	id      int64  // what QL calls id()
	columns []byte // good until the next one
}

// scanVersions calls f with the versions of the wanted paths, nil for all, and
// where they are, until f returns false or an error. The version, with its
// strings, is good until the next one.
func (d *database) scanVersions(ctx context.Context, wanted func(path string) bool, f func(v *version, at position) (bool, error)) error {
	if d.failed != nil {
		return d.failed
	}
	s := newScanner(d.pages)
	defer s.busy.Wait() // so that nobody reads what is written next
	head, err := s.versions()
	if err != nil {
		return err
	}
	first, err := s.record(offset(head))
	if err != nil {
		return err
	}
	next := first.int()
	// More rows than the file has room for are a chain that bites its tail.
	limit := d.pages.size/32 + 1024
	var v version
	for n := int64(0); next != 0; n++ {
		if n > limit {
			return ErrDamaged
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		at := position{handle: next}
		row, err := s.record(offset(next))
		if err != nil {
			return err
		}
		next = row.int()
		at.id = row.int()
		at.columns = row.rest
		v.path = row.text()
		if wanted != nil && !wanted(v.path) && !row.bad {
			continue
		}
		if err := v.read(&row); err != nil {
			return err
		}
		if more, err := f(&v, at); err != nil || !more {
			return err
		}
	}
	return nil
}

// read reads the columns behind the path in the order of the table.
func (v *version) read(row *values) error {
	kind := row.text()
	v.size = row.int()
	v.mtime = row.time()
	v.perm = manifest.Permissions{Mode: uint32(row.int()), UID: uint32(row.int()), GID: uint32(row.int())}
	digest := row.blob()
	v.since, v.until = ID(row.int()), ID(row.int())
	v.target, v.stored = row.text(), row.text()
	v.xattrs = text(row.blob())
	if row.bad || len(row.rest) > 0 || len(kind) != 1 {
		return fmt.Errorf("%w: version of %.100q", ErrDamaged, v.path)
	}
	v.kind = manifest.Kind(kind[0])
	v.digest = manifest.Digest{}
	if copy(v.digest[:], digest) != len(v.digest) && v.kind == manifest.File {
		return fmt.Errorf("%w: digest of %.100q", ErrDamaged, v.path)
	}
	return nil
}

// values are what is left of a record.
type values struct {
	rest []byte
	bad  bool
}

// tag returns the next tag, tagNull where that is missing.
func (v *values) tag() byte {
	if len(v.rest) == 0 {
		v.bad = true
		return tagNull
	}
	t := v.rest[0]
	v.rest = v.rest[1:]
	return t
}

// counted returns the bytes that are preceded by their number.
func (v *values) counted() []byte {
	n, size := binary.Uvarint(v.rest)
	if size <= 0 || n > uint64(len(v.rest)-size) {
		v.rest, v.bad = nil, true
		return nil
	}
	end := size + int(n)
	b := v.rest[size:end]
	v.rest = v.rest[end:]
	return b
}

func (v *values) int() int64 {
	switch v.tag() {
	case tagInt:
		n, size := binary.Varint(v.rest)
		if size > 0 {
			v.rest = v.rest[size:]
			return n
		}
		v.bad = true
	case tagZero:
	default:
		v.bad = true
	}
	return 0
}

// skip passes over a value of whatever kind.
func (v *values) skip() {
	switch v.tag() {
	case tagInt:
		_, size := binary.Varint(v.rest)
		if size <= 0 {
			v.bad = true
			return
		}
		v.rest = v.rest[size:]
	case tagNamedTime:
		v.counted()
		v.counted()
	case tagBlob, tagString, tagTime:
		v.counted()
	case tagNull, tagNoBlob, tagZero, tagNoString, tagZeroTime:
	default:
		v.bad = true
	}
}

// appendInt appends what int reads.
func appendInt(b []byte, n int64) []byte {
	if n == 0 {
		return append(b, tagZero)
	}
	return binary.AppendVarint(append(b, tagInt), n)
}

// text returns a string, "" for NULL.
func (v *values) text() string {
	switch v.tag() {
	case tagString:
		return text(v.counted())
	case tagNoString, tagNull:
	default:
		v.bad = true
	}
	return ""
}

// text makes a string of bytes that are not changed while it is in use.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// blob returns nil for NULL.
func (v *values) blob() []byte {
	switch v.tag() {
	case tagBlob:
		return v.counted()
	case tagNoBlob, tagNull:
	default:
		v.bad = true
	}
	return nil
}

// time reads what time.Time's MarshalBinary writes in UTC: a version, seconds
// since year 1, nanoseconds and an offset.
func (v *values) time() manifest.Time {
	tag := v.tag()
	if tag == tagZeroTime {
		return manifest.Time{Sec: yearOne}
	}
	b := v.counted()
	if tag == tagNamedTime {
		v.counted() // the name of the zone
	} else if tag != tagTime {
		v.bad = true
	}
	if len(b) < 15 {
		v.bad = true
		return manifest.Time{}
	}
	return manifest.Time{
		Sec:  int64(binary.BigEndian.Uint64(b[1:])) + yearOne,
		Nsec: binary.BigEndian.Uint32(b[9:]),
	}
}

// yearOne is the first second of year 1, counted from 1970.
const yearOne = -62135596800
