package qlfile

import (
	"encoding/binary"
	"math"
	"sync"
)

// offset returns where the record of a handle begins.
func offset(handle int64) int64 { return (handle-1)<<4 + 304 }

// A scanner reads records for one goroutine, of a database that nobody else
// writes to meanwhile. While it works on a block, it has the blocks before that
// unpacked: a table begins with its last row.
type scanner struct {
	layers *layers
	pages  *pages // the same, for poke; nil where nothing is changed
	lead   int64  // how many blocks are unpacked beside the scan
	kept   [keptBlocks]block
	ahead  map[int64]chan unpacked
	spare  [][]byte
	busy   sync.WaitGroup
	dirty  map[int64]bool // blocks that were changed by poke
}

type unpacked struct {
	data []byte
	err  error
}

const (
	keptBlocks  = 32 // that a scanner keeps: 2 MiB
	blocksAhead = 3
)

func newScanner(l *layers) *scanner {
	return &scanner{layers: l, lead: blocksAhead, ahead: map[int64]chan unpacked{}}
}

func (s *scanner) block(n int64) ([]byte, error) {
	slot := &s.kept[n%keptBlocks]
	if slot.data != nil && slot.n == n {
		return slot.data, nil
	}
	if s.lead == 0 {
		data := slot.data
		if data == nil {
			data = make([]byte, blockSize)
		}
		*slot = block{}
		if err := s.layers.read(n, data); err != nil {
			return nil, err
		}
		*slot = block{n, data}
		return data, nil
	}
	wanted := s.start(n)
	for i := range s.lead {
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
	s.busy.Go(func() { c <- unpacked{data, s.layers.read(n, data)} })
	return c
}

// close waits until nobody reads any more what is written next.
func (s *scanner) close() { s.busy.Wait() }

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
	s.close()
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
	if off < 0 || n < 0 || off > s.layers.size-n {
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
func (s *scanner) record(off int64) (Values, error) {
	_, v, err := s.locate(off)
	return v, err
}

// locate is record, and returns also where the record itself lies.
func (s *scanner) locate(off int64) (int64, Values, error) {
	for range 2 {
		head, err := s.bytes(off, min(binary.MaxVarintLen64, s.layers.size-off))
		if err != nil {
			return 0, Values{}, err
		}
		length, n := binary.Varint(head)
		switch {
		case n <= 0 || length > math.MaxInt32:
			return 0, Values{}, ErrDamaged
		case length >= 0:
			b, err := s.bytes(off+int64(n), length)
			return off, Values{rest: b}, err
		}
		off = -length
	}
	return 0, Values{}, ErrDamaged
}
