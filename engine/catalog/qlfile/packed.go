package qlfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
)

// A published catalog is a database of QL's in blocks, each compressed by
// itself: QL gives rows slots of 128 or 256 bytes, and a row of 150 bytes is
// followed by a hundred zeros.
//
//	phlb catalog 2\n\x00     16 bytes
//	blocks                   s2, or as they are where that is not shorter
//	a record for each block  its length in 4 bytes, its CRC-32C in 4 bytes
//	a footer                 size of the database, where the records begin,
//	                         their CRC-32C and that of the 20 bytes before
//
// Numbers are little-endian. The first version was the database as it is.
type packed struct {
	file   *os.File
	from   io.ReaderAt   // the same
	users  atomic.Int32  // who read it
	size   int64         // of the database
	blocks []packedBlock // nil where the file is the database itself
}

type packedBlock struct {
	at, n int64
	sum   uint32
}

const (
	blockSize    = 64 << 10
	footerSize   = 24
	recordSize   = 8
	packedPrefix = "phlb catalog "
	packedMagic  = packedPrefix + "2\n\x00"
	qlMagic      = "\x61\xdbql"
)

var buffers = sync.Pool{New: func() any { return new([blockSize]byte) }}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openPacked reads where the blocks are.
func openPacked(file *os.File) (*packed, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	var head [len(packedMagic)]byte
	if _, err := file.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head[:], []byte(qlMagic)):
		return newPacked(file, info.Size()), nil
	case string(head[:]) == packedMagic:
		return readRecords(file, info.Size())
	case bytes.HasPrefix(head[:], []byte(packedPrefix)):
		return nil, ErrNewer
	}
	return nil, ErrDamaged
}

// IsPacked reports whether the file at path begins like a published file,
// if only with the little that a damaged one may have left: one that is empty
// does. A catalog of the first version cannot be told from the databases of
// others, and is not taken for one.
func IsPacked(path string) bool {
	file, err := openFile(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var head [len(packedPrefix)]byte
	n, err := file.ReadAt(head[:], 0)
	return (err == nil || err == io.EOF) && string(head[:n]) == packedPrefix[:n]
}

func readRecords(file *os.File, end int64) (*packed, error) {
	end -= footerSize
	if end < int64(len(packedMagic)) {
		return nil, ErrDamaged
	}
	var foot [footerSize]byte
	if _, err := file.ReadAt(foot[:], end); err != nil {
		return nil, err
	}
	number := binary.LittleEndian.Uint64
	p := newPacked(file, int64(number(foot[:])))
	at := int64(number(foot[8:]))
	if crc32.Checksum(foot[:20], castagnoli) != binary.LittleEndian.Uint32(foot[20:]) || at < 0 || at > end {
		return nil, ErrDamaged
	}
	records := make([]byte, end-at)
	if _, err := file.ReadAt(records, at); err != nil {
		return nil, err
	}
	if crc32.Checksum(records, castagnoli) != binary.LittleEndian.Uint32(foot[16:]) || int64(len(records)) != recordSize*blocksOf(p.size) {
		return nil, ErrDamaged
	}
	p.blocks = make([]packedBlock, 0, len(records)/recordSize)
	next := int64(len(packedMagic))
	for ; len(records) > 0; records = records[recordSize:] {
		b := packedBlock{next, int64(binary.LittleEndian.Uint32(records)), binary.LittleEndian.Uint32(records[4:])}
		p.blocks = append(p.blocks, b)
		next += b.n
	}
	if next != at {
		return nil, ErrDamaged
	}
	return p, nil
}

func newPacked(file *os.File, size int64) *packed {
	p := &packed{file: file, from: file, size: size}
	p.keep()
	return p
}

// keep has one more user have the file open until release.
func (p *packed) keep() { p.users.Add(1) }

func (p *packed) release() error {
	if p.users.Add(-1) > 0 {
		return nil
	}
	return p.file.Close()
}

// blocksOf returns how many blocks a database of that size has.
func blocksOf(size int64) int64 { return (size + blockSize - 1) / blockSize }

// read unpacks block n into data.
func (p *packed) read(n int64, data []byte) error {
	if p.blocks == nil {
		return readFrom(p.from, n*blockSize, data)
	}
	b := p.blocks[n]
	if b.n > blockSize {
		return ErrDamaged
	}
	buf := buffers.Get().(*[blockSize]byte)
	defer buffers.Put(buf)
	in := buf[:b.n]
	if _, err := p.from.ReadAt(in, b.at); err != nil {
		return p.cutOff(err)
	}
	if crc32.Checksum(in, castagnoli) != b.sum {
		return fmt.Errorf("%w: %s: block %d has another checksum", ErrDamaged, spelled(p.file.Name()), n)
	}
	if b.n == blockSize {
		copy(data, in)
		return nil
	}
	if out, err := s2.Decode(data, in); err != nil || len(out) != blockSize {
		return fmt.Errorf("%w: %s: block %d: %w", ErrDamaged, spelled(p.file.Name()), n, err)
	}
	return nil
}

// cutOff makes it damage that the file has ended where more of it was: somebody
// has written into it.
func (p *packed) cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %s: was cut off", ErrDamaged, spelled(p.file.Name()))
	}
	return err
}

// pack writes the database to a file in the form of a published catalog. Blocks
// that were not changed are copied as they are.
func (p *pages) pack(file *os.File) error {
	w := &packer{file: file}
	w.write([]byte(packedMagic))
	buf, data := make([]byte, s2.MaxEncodedLen(blockSize)), make([]byte, blockSize)
	for n := range blocksOf(p.size) {
		if _, changed := p.changed[n]; p.base != nil && n < int64(len(p.base.blocks)) && !changed {
			w.keep(p.base, n)
			continue
		}
		if err := p.read(n, data); err != nil {
			return err
		}
		out := s2.Encode(buf, data)
		if len(out) >= blockSize {
			out = data
		}
		w.add(out, crc32.Checksum(out, castagnoli))
	}
	return w.close(p.size)
}

// A packer writes a published catalog. Once something has failed, it does
// nothing more.
type packer struct {
	file    *os.File
	records []byte
	at      int64
	from    *packed // whose bytes from start to end are to be copied
	start   int64
	end     int64
	err     error
}

func (w *packer) write(b []byte) {
	if w.flush(); w.err == nil {
		var n int
		n, w.err = w.file.Write(b)
		w.at += int64(n)
	}
}

func (w *packer) record(n int, sum uint32) {
	w.records = binary.LittleEndian.AppendUint32(w.records, uint32(n))
	w.records = binary.LittleEndian.AppendUint32(w.records, sum)
}

func (w *packer) add(data []byte, sum uint32) {
	w.write(data)
	w.record(len(data), sum)
}

// keep copies block n of p, together with its neighbours.
func (w *packer) keep(p *packed, n int64) {
	b := p.blocks[n]
	if w.from == nil || w.end != b.at {
		w.flush()
		w.from, w.start, w.end = p, b.at, b.at
	}
	w.end += b.n
	w.record(int(b.n), b.sum)
}

// flush copies what is to be copied.
func (w *packer) flush() {
	if w.from == nil {
		return
	}
	from := w.from
	w.from = nil
	if w.err == nil {
		_, w.err = from.file.Seek(w.start, io.SeekStart)
	}
	if w.err == nil {
		// The kernel does it where it can.
		_, err := io.CopyN(w.file, from.file, w.end-w.start)
		w.err = from.cutOff(err)
		w.at += w.end - w.start
	}
}

func (w *packer) close(size int64) error {
	w.flush()
	at := w.at
	w.write(w.records)
	foot := binary.LittleEndian.AppendUint64(nil, uint64(size))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(at))
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(w.records, castagnoli))
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(foot, castagnoli))
	w.write(foot)
	return w.err
}
