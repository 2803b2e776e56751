package parent

import (
	"phlb/engine/manifest"
)

// Splice writes a manifest that has large parts in common with that of the parent. A member
// of the parent's file whose entries are all unchanged is copied compressed, and is not
// even inflated.
type Splice struct {
	Writer *manifest.Writer
	chunks []*chunk // of the parent's manifest; the entries that are written stand in the first
	passed []*chunk // the chunks before these, until Reuse gives them back

	held        int            // how many entries of the first chunk are unchanged, and not written yet
	first, last manifest.Entry // the first and the last of the entries held
	broken      bool           // whether an entry of the first chunk has changed, so that it cannot be copied
}

// Write appends e, which stands in the parent's manifest at the position old. With same the
// entry there is the same, and e only needs the fields that a mark vouches for.
func (s *Splice) Write(e *manifest.Entry, old Position, same bool) error {
	if old.Chunk == nil {
		if err := s.Release(); err != nil {
			return err
		}
		return s.Writer.Write(e)
	}
	for s.chunks[0] != old.Chunk {
		if err := s.Release(); err != nil {
			return err
		}
		if err := s.next(); err != nil {
			return err
		}
	}
	if same && !s.broken && old.n == s.held && old.Chunk.isMember() {
		s.hold(e)
		if s.held == old.Chunk.len() {
			return s.copy()
		}
		return nil
	}
	if err := s.Release(); err != nil {
		return err
	}
	s.broken = true
	if same {
		if e = old.Entry(); e == nil {
			return old.Chunk.cursor.Failed()
		}
	}
	return s.Writer.Write(e)
}

// hold holds back an unchanged entry.
func (s *Splice) hold(e *manifest.Entry) {
	s.last.Path, s.last.Kind = e.Path, e.Kind
	if s.held++; s.held == 1 {
		s.first.Path, s.first.Kind = e.Path, e.Kind
	}
}

// Release writes the entries that were held back: their chunk is not copied.
func (s *Splice) Release() error {
	if s.held == 0 {
		return nil
	}
	c := s.chunks[0]
	for n := range s.held {
		e := c.entry(n)
		if e == nil {
			return c.cursor.Failed()
		}
		if err := s.Writer.Write(e); err != nil {
			return err
		}
	}
	s.held, s.broken = 0, true
	return nil
}

// next goes on to the next chunk.
func (s *Splice) next() error {
	s.pass()
	return s.Writer.Boundary()
}

// copy writes the first chunk compressed, as it is.
func (s *Splice) copy() error {
	c := s.chunks[0]
	s.pass()
	return s.Writer.Copy(&c.member, &s.first, &s.last)
}

// Follow adds chunks that the cursor has come to, in order.
func (s *Splice) Follow(begun []*chunk) { s.chunks = append(s.chunks, begun...) }

// Reuse gives the chunks in which no later entry stands back to their cursor.
func (s *Splice) Reuse() {
	for _, c := range s.passed {
		c.cursor.reuse(c)
	}
	s.passed = s.passed[:0]
}

// pass moves past the first chunk.
func (s *Splice) pass() {
	s.passed = append(s.passed, s.chunks[0])
	s.chunks, s.held, s.broken = s.chunks[1:], 0, false
}
