package parent

import (
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// chunk is a run of entries of a manifest that a cursor reads: a member of its
// file, which is inflated when somebody asks for an entry, or some entries.
type chunk struct {
	cursor  *Cursor
	member  manifest.Member // without marks if it is none
	inflate sync.Once
	entries []manifest.Entry // of a member, once it was inflated
}

// read reads a chunk: with marks a member, where one comes next. After an error
// it holds what was read before.
func (c *chunk) read(m *manifest.Reader, marks bool) error {
	c.member.Marks = c.member.Marks[:0]
	for room := chunkBytes; len(c.entries) < chunkSize && room > 0; {
		if marks && m.HasMember() {
			if len(c.entries) > 0 {
				return nil
			}
			return m.NextMember(&c.member)
		}
		n := len(c.entries)
		c.entries = append(c.entries, manifest.Entry{})
		if err := m.Next(&c.entries[n]); err != nil {
			c.entries = c.entries[:n]
			return err
		}
		room -= c.entries[n].Room()
	}
	return nil
}

// isMember reports whether the chunk is a member.
func (c *chunk) isMember() bool { return len(c.member.Marks) > 0 }

func (c *chunk) len() int {
	if c.isMember() {
		return len(c.member.Marks)
	}
	return len(c.entries)
}

// entry returns an entry, nil where the member cannot be inflated, of which the
// cursor is told. It may be called from several goroutines.
func (c *chunk) entry(n int) *manifest.Entry {
	if c.isMember() {
		c.inflate.Do(func() {
			var err error
			if c.entries, err = c.member.Entries(c.entries); err != nil {
				c.cursor.broken.CompareAndSwap(nil, &err)
				c.entries = nil
			}
		})
	}
	if n >= len(c.entries) {
		return nil
	}
	return &c.entries[n]
}

// Position is the place of an entry in a manifest. The zero position is that of
// none.
type Position struct {
	Chunk *chunk
	n     int
}

// Entry returns the entry, nil where there is none or it cannot be had.
func (p Position) Entry() *manifest.Entry {
	if p.Chunk == nil {
		return nil
	}
	return p.Chunk.entry(p.n)
}

// EntryOf returns the entry if it is of that path: it was found by a mark, maybe,
// which does not tell for sure.
func (p Position) EntryOf(e *walk.Entry) *manifest.Entry {
	if old := p.Entry(); old != nil && old.Path == e.Path {
		return old
	}
	return nil
}

// Mark returns the entry's mark, 0 where there is none.
func (p Position) Mark() manifest.Mark {
	if p.Chunk == nil || !p.Chunk.isMember() {
		return 0
	}
	return p.Chunk.member.Marks[p.n]
}

// matches reports whether the entry, by its mark, is of that path.
func (p Position) matches(path manifest.PathMark, isDir bool) bool {
	return p.Mark() != 0 && p.Mark().Matches(path, isDir)
}

// isDir reports whether the entry, by its mark, is that of a directory.
func (p Position) isDir() bool { return p.Mark().IsDir() }
