package runtime

import (
	"fmt"
	"iter"

	"go.starlark.net/starlark"
)

// A Stream is a result that may be long: scripts iterate over it, and it is
// never whole in memory. Types of their own embed it for its Iterate.
//
// Starlark's iterators cannot fail. When a Stream does, the run ends with its
// error before the script takes another step, so that a short result never
// looks like a whole one. Builtins that are handed a Stream use [Stream.All]
// and get the error.
type Stream struct {
	thread *starlark.Thread
	kind   string
	seq    iter.Seq2[starlark.Value, error]
}

var _ starlark.Iterable = (*Stream)(nil)

// NewStream returns a Stream for scripts that run on thread, of the Starlark
// type kind. Each iteration calls seq anew, and runs it only while the
// script waits for the next element, never beside it.
func NewStream(thread *starlark.Thread, kind string, seq iter.Seq2[starlark.Value, error]) *Stream {
	return &Stream{thread: thread, kind: kind, seq: seq}
}

// All returns the sequence itself. It ends after the first error.
func (s *Stream) All() iter.Seq2[starlark.Value, error] { return s.seq }

func (s *Stream) String() string       { return "<" + s.kind + ">" }
func (s *Stream) Type() string         { return s.kind }
func (s *Stream) Freeze()              {} // immutable: every iteration starts anew
func (s *Stream) Truth() starlark.Bool { return true }

// Hash fails: a Stream is what it yields, and that is not looked at here.
func (s *Stream) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", s.kind) }

// Iterate starts at the beginning.
func (s *Stream) Iterate() starlark.Iterator {
	next, stop := iter.Pull2(s.seq)
	return &streamIterator{thread: s.thread, next: next, stop: stop}
}

// length is Starlark's len, and counts what a Stream yields too. A Stream has no
// Len: Starlark's own functions would ask for it before they iterate.
func length(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	type stream interface {
		All() iter.Seq2[starlark.Value, error]
	}
	var s stream
	counts := false
	if len(args) == 1 && len(kwargs) == 0 {
		s, counts = args[0].(stream)
	}
	if !counts {
		return starlark.Universe["len"].(*starlark.Builtin).CallInternal(thread, args, kwargs)
	}
	if t := taskOf(thread); t != nil {
		defer t.resume(t.rest())
	}
	n := 0
	for _, err := range s.All() {
		if err != nil {
			return nil, Failure(err)
		}
		n++
	}
	return starlark.MakeInt(n), nil
}

type streamIterator struct {
	thread *starlark.Thread
	next   func() (starlark.Value, error, bool)
	stop   func()
}

func (it *streamIterator) Next(p *starlark.Value) bool {
	if t := taskOf(it.thread); t != nil {
		defer t.resume(t.rest())
	}
	v, err, ok := it.next()
	if err != nil {
		it.stop()
		Abort(it.thread, err)
		return false
	}
	if ok {
		*p = v
	}
	return ok
}

func (it *streamIterator) Done() { it.stop() }

// Abort ends whatever runs on thread with err, before the script takes another step:
// for what has no error to return.
func Abort(thread *starlark.Thread, err error) {
	if t := taskOf(thread); t != nil {
		t.run.Load().abort(err)
		return
	}
	thread.Cancel(err.Error())
}
