package engine

import "phlb/engine/manifest"

// splice writes a manifest of which large parts are those of the one before. A
// member of which each entry is as it was is copied instead of being made anew:
// most are not even inflated.
type splice struct {
	writer *manifest.Writer
	chunks []*chunk // of the manifest before, from the one at hand on
	passed []*chunk // since somebody has seen to it

	held        int // entries of the chunk at hand that are as they were, not written yet
	first, last manifest.Entry
	broken      bool // the chunk at hand has to be written anew
}

// write appends e, which the manifest before has at old. Where it is the same
// there, only what a mark vouches for needs to be filled in.
func (s *splice) write(e *manifest.Entry, old position, same bool) error {
	if old.chunk == nil {
		if err := s.release(); err != nil {
			return err
		}
		return s.writer.Write(e)
	}
	for s.chunks[0] != old.chunk {
		if err := s.release(); err != nil {
			return err
		}
		if err := s.next(); err != nil {
			return err
		}
	}
	if same && !s.broken && old.n == s.held && old.chunk.isMember() {
		s.hold(e)
		if s.held == old.chunk.len() {
			return s.copy()
		}
		return nil
	}
	if err := s.release(); err != nil {
		return err
	}
	s.broken = true
	if same {
		if e = old.entry(); e == nil {
			return old.chunk.cursor.failed()
		}
	}
	return s.writer.Write(e)
}

func (s *splice) hold(e *manifest.Entry) {
	s.last.Path, s.last.Kind = e.Path, e.Kind
	if s.held++; s.held == 1 {
		s.first.Path, s.first.Kind = e.Path, e.Kind
	}
}

// release writes what is held.
func (s *splice) release() error {
	if s.held == 0 {
		return nil
	}
	c := s.chunks[0]
	for n := range s.held {
		e := c.entry(n)
		if e == nil {
			return c.cursor.failed()
		}
		if err := s.writer.Write(e); err != nil {
			return err
		}
	}
	s.held, s.broken = 0, true
	return nil
}

// next goes to the next chunk.
func (s *splice) next() error {
	s.pass()
	return s.writer.Boundary()
}

// copy writes the chunk at hand as it is.
func (s *splice) copy() error {
	c := s.chunks[0]
	s.pass()
	return s.writer.Copy(&c.member, &s.first, &s.last)
}

func (s *splice) pass() {
	s.passed = append(s.passed, s.chunks[0])
	s.chunks, s.held, s.broken = s.chunks[1:], 0, false
}
