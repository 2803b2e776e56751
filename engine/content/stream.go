package content

import (
	"context"
	"slices"
	"sync/atomic"

	"phlb/engine/store"
)

// chunkSize is how many bytes are read at a time of a file that is copied. Several
// chunks of a buffer take turns: while one is hashed, others are read and written.
const chunkSize = 64 << 10

// stream hashes what is read of one file and writes it to a copy. Hashing a
// large file is done by a goroutine of its own, so that it overlaps with reading
// and writing, which take the other half of the time.
type stream struct {
	*Worker
	out *store.File // nil where nothing is written

	chunk []byte      // the only one, where there is no goroutine
	free  chan []byte // chunks that are hashed; nil where there is no goroutine
	todo  chan []byte // chunks to be hashed
	ended chan struct{}
}

// start begins a file of about that size, to go through the chunks of a buffer.
func (w *Worker) start(buffer *[]byte, out *store.File, size int64) *stream {
	w.hash.Reset()
	if *buffer == nil {
		*buffer = make([]byte, BufferSize+1) // as Whole needs it
	}
	s := &stream{Worker: w, out: out, chunk: (*buffer)[:chunkSize]}
	if size <= chunkSize {
		return s
	}
	const count = BufferSize / chunkSize
	s.free, s.todo, s.ended = make(chan []byte, count), make(chan []byte, count), make(chan struct{})
	for chunk := range slices.Chunk((*buffer)[:BufferSize], chunkSize) {
		s.free <- chunk
	}
	go func() {
		defer close(s.ended)
		for b := range s.todo {
			w.hash.Write(b)
			s.free <- b[:chunkSize]
		}
	}()
	return s
}

// buffer returns a chunk to read into, to be given to take.
func (s *stream) buffer() []byte {
	if s.free == nil {
		return s.chunk
	}
	return <-s.free
}

// take hashes b, the part of a chunk that was read, and writes it to the copy. An error is
// one of writing.
func (s *stream) take(b []byte) (err error) {
	if s.free == nil {
		s.hash.Write(b)
	} else {
		s.todo <- b
	}
	if s.out != nil {
		_, err = s.out.Write(b)
	}
	return err
}

// zeros hashes what a hole of n bytes reads as.
func (s *stream) zeros(ctx context.Context, n int64, progress *atomic.Int64) error {
	for n > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		b := s.buffer()[:min(n, chunkSize)]
		clear(b)
		if s.free == nil {
			s.hash.Write(b)
		} else {
			s.todo <- b
		}
		progress.Add(int64(len(b)))
		n -= int64(len(b))
	}
	return nil
}

// stop waits until all that was taken is hashed.
func (s *stream) stop() {
	if s.free != nil {
		close(s.todo)
		<-s.ended
	}
}
