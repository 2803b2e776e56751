package engine

import (
	"io"

	"phlb/engine/manifest"
)

// splice writes a manifest of which large parts are those of the one before.
// A member of whose entries each was written anew just as it was is copied
// instead: to format and compress it again took some eight percent of the
// processor time of a run in which nothing changed.
type splice struct {
	writer *manifest.Writer
	file   io.ReaderAt // the manifest before
	chunks []*chunk    // of that, from the one at hand on
	passed []*chunk    // since somebody has seen to it
	at     int         // entries of the chunk at hand that were as before, and are held back
	broken bool        // the chunk at hand has to be written anew
}

// write appends e. The entry of that path before is old, nil if there was none.
func (s *splice) write(e, old *manifest.Entry) error {
	for len(s.chunks) > 0 {
		c := s.chunks[0]
		if !s.broken && old == &c.entries[s.at] && e.Equal(old) {
			if s.at++; s.at == len(c.entries) {
				return s.copy(c)
			}
			return nil
		}
		if s.at == 0 && manifest.Compare(e, &c.entries[0]) < 0 {
			break // that has not begun yet
		}
		if err := s.release(); err != nil {
			return err
		}
		if len(s.chunks) == 1 || manifest.Compare(e, &s.chunks[1].entries[0]) < 0 {
			break
		}
		if err := s.next(); err != nil {
			return err
		}
	}
	return s.writer.Write(e)
}

// release writes what was held back.
func (s *splice) release() error {
	if s.broken || len(s.chunks) == 0 {
		return nil
	}
	s.broken = true
	for i := range s.at {
		if err := s.writer.Write(&s.chunks[0].entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// next goes to the next chunk.
func (s *splice) next() error {
	s.pass()
	s.broken = false
	return s.writer.Boundary()
}

// copy writes a chunk that is as it was.
func (s *splice) copy(c *chunk) error {
	if c.member == (manifest.Member{}) {
		if err := s.release(); err != nil {
			return err
		}
		return s.next()
	}
	raw := io.NewSectionReader(s.file, c.member.Start, c.member.End-c.member.Start)
	s.pass()
	return s.writer.Copy(raw, c.entries)
}

func (s *splice) pass() {
	s.passed = append(s.passed, s.chunks[0])
	s.chunks, s.at = s.chunks[1:], 0
}
