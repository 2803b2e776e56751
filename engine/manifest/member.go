package manifest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Member is a part of a manifest that can be told to be as it was, and copied to
// another one, without being inflated: a gzip member that holds whole entries
// and nothing else, with their marks.
type Member struct {
	Marks []Mark // of the entries, in order

	files, bytes int64
	hash         Algorithm // of the digests
	raw          []byte
}

// Where things stand in a member that has marks, see the package comment: RFC
// 1952 gives it a header of ten bytes, the length of the extra field in two, and
// the ID and the length of a subfield in it in two each.
const (
	gzipMagic  = "\x1f\x8b\x08\x04" // with an extra field and nothing else
	extraAt    = 10
	idAt       = 12
	lengthAt   = 14
	sizeAt     = 16
	sumAt      = 20
	summedFrom = 24
	filesAt    = 24
	bytesAt    = 28
	marksAt    = 36
	markSize   = 8
	maxMarks   = (1<<16 - 1 - (marksAt - idAt)) / markSize
)

const memberID = "PH"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// index makes the extra field of a member.
type index struct {
	extra        []byte
	marks        int
	files, bytes int64
}

func (x *index) add(e *Entry) {
	if len(x.extra) == 0 {
		x.extra = append(append(x.extra, memberID...), make([]byte, marksAt-lengthAt)...)
	}
	x.extra = binary.LittleEndian.AppendUint64(x.extra, uint64(e.mark()))
	x.marks++
	if e.hasHash() {
		x.files++
		x.bytes += e.Size
	}
}

// field returns the extra field, nil if there is nothing for it.
func (x *index) field() []byte {
	if x.marks == 0 || x.marks > maxMarks {
		return nil
	}
	binary.LittleEndian.PutUint16(x.extra[lengthAt-idAt:], uint16(len(x.extra)-(sizeAt-idAt)))
	binary.LittleEndian.PutUint32(x.extra[filesAt-idAt:], uint32(x.files))
	binary.LittleEndian.PutUint64(x.extra[bytesAt-idAt:], uint64(x.bytes))
	return x.extra
}

// seal fills in what is only known of a whole member.
func (x *index) seal(member []byte) {
	if x.field() == nil {
		return
	}
	binary.LittleEndian.PutUint32(member[sizeAt:], uint32(len(member)))
	binary.LittleEndian.PutUint32(member[sumAt:], crc32.Checksum(member[summedFrom:], castagnoli))
}

// emptied returns an index that takes the room of x.
func (x *index) emptied() index { return index{extra: x.extra[:0]} }

// markedSize returns the length of the member whose header is next in r, 0 if it
// is none that has marks.
func markedSize(r *bufio.Reader) int {
	head, err := r.Peek(marksAt)
	if err != nil || string(head[:len(gzipMagic)]) != gzipMagic || string(head[idAt:lengthAt]) != memberID {
		return 0
	}
	extra := int(binary.LittleEndian.Uint16(head[extraAt:])) - (sizeAt - idAt)
	size := binary.LittleEndian.Uint32(head[sizeAt:])
	if extra != int(binary.LittleEndian.Uint16(head[lengthAt:])) || extra <= marksAt-sizeAt || (extra-(marksAt-sizeAt))%markSize != 0 ||
		int64(size) < int64(sizeAt+extra) || size > maxMember {
		return 0
	}
	return int(size)
}

// read reads a member of that size. It takes the room of what m was.
func (m *Member) read(r io.Reader, size int) error {
	m.raw = slices.Grow(m.raw[:0], size)[:size]
	if _, err := io.ReadFull(r, m.raw); err != nil {
		return err
	}
	if crc32.Checksum(m.raw[summedFrom:], castagnoli) != binary.LittleEndian.Uint32(m.raw[sumAt:]) {
		return errors.New("a part has another checksum than it was written with")
	}
	m.files = int64(binary.LittleEndian.Uint32(m.raw[filesAt:]))
	m.bytes = int64(binary.LittleEndian.Uint64(m.raw[bytesAt:]))
	m.Marks = m.Marks[:0]
	end := sizeAt + int(binary.LittleEndian.Uint16(m.raw[lengthAt:]))
	for at := marksAt; at < end; at += markSize {
		m.Marks = append(m.Marks, Mark(binary.LittleEndian.Uint64(m.raw[at:])))
	}
	return nil
}

var inflaters = sync.Pool{New: func() any { return &inflater{lines: bufio.NewReader(nil)} }}

type inflater struct {
	gzip.Reader
	lines *bufio.Reader
}

// Entries inflates the member and appends its entries to list.
func (m *Member) Entries(list []Entry) ([]Entry, error) {
	z := inflaters.Get().(*inflater)
	defer inflaters.Put(z)
	if err := z.Reset(bytes.NewReader(m.raw)); err != nil {
		return list, fmt.Errorf("manifest: %w", err)
	}
	z.lines.Reset(z)
	r := Reader{lines: z.lines, longest: maxLine}
	r.Header.Hash = m.hash
	list = slices.Grow(list, len(m.Marks))
	for range m.Marks {
		list = list[:len(list)+1]
		if err := r.Next(&list[len(list)-1]); err != nil {
			return list[:len(list)-1], err
		}
	}
	if _, err := z.lines.ReadByte(); err != io.EOF {
		return list, errors.New("manifest: a part holds more entries than marks")
	}
	return list, nil
}
