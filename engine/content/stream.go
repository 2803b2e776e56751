package content

import (
	"context"
	"sync/atomic"

	"phlb/engine/store"
)

// streamBuffers is how many buffers a file goes through that is larger than one:
// while one is hashed, others are read and written.
const streamBuffers = 4

// stream hashes what is read of one file and writes it to a copy. Hashing a
// large file is done by a goroutine of its own, so that it overlaps with reading
// and writing, which take the other half of the time.
type stream struct {
	*Worker
	out *store.File // nil where nothing is written

	free  chan []byte // buffers that are hashed; nil where there is no goroutine
	todo  chan []byte // buffers to be hashed
	ended chan struct{}
}

// start begins a file of about that size.
func (w *Worker) start(out *store.File, size int64) *stream {
	w.hash.Reset()
	count := 1
	if size > BufferSize {
		count = streamBuffers
	}
	for len(w.buffers) < count {
		w.buffers = append(w.buffers, make([]byte, BufferSize))
	}
	s := &stream{Worker: w, out: out}
	if count == 1 {
		return s
	}
	s.free, s.todo, s.ended = make(chan []byte, count), make(chan []byte, count), make(chan struct{})
	for _, b := range w.buffers {
		s.free <- b
	}
	go func() {
		defer close(s.ended)
		for b := range s.todo {
			w.hash.Write(b)
			s.free <- b[:BufferSize]
		}
	}()
	return s
}

// buffer returns one to read into, to be given to take or zeros.
func (s *stream) buffer() []byte {
	if s.free == nil {
		return s.buffers[0]
	}
	return <-s.free
}

// take hashes b, which is of a buffer, and writes it to the copy. An error is
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
		b := s.buffer()[:min(n, BufferSize)]
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
