package parent

import (
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// chunk is a part of a manifest: either a member of its gzip file, which is inflated when
// somebody asks for an entry, or a list of entries.
type chunk struct {
	cursor  *Cursor
	member  manifest.Member // without marks where the chunk is a list of entries
	inflate sync.Once
	entries []manifest.Entry // of a member, once it was inflated
}

// read reads the chunk. With marks it reads a member, if one comes next. After an error the
// chunk holds the entries before it.
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

// entry returns the nth entry. It returns nil where the member cannot be inflated, and
// notes the error in the cursor. It may be called from several goroutines.
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

// Position is where an entry stands in a manifest. The zero Position is that of no entry.
type Position struct {
	Chunk *chunk // nil for no entry
	n     int    // the index in the chunk
}

// Entry returns the entry; nil where there is none, or where it cannot be inflated.
func (p Position) Entry() *manifest.Entry {
	if p.Chunk == nil {
		return nil
	}
	return p.Chunk.entry(p.n)
}

// EntryOf returns the entry if its path is that of e. Where the position was found by a
// mark, it may be that of another path, in rare cases.
func (p Position) EntryOf(e *walk.Entry) *manifest.Entry {
	if old := p.Entry(); old != nil && old.Path == e.Path {
		return old
	}
	return nil
}

// Mark returns the mark of the entry; 0 where there is none.
func (p Position) Mark() manifest.Mark {
	if p.Chunk == nil || !p.Chunk.isMember() {
		return 0
	}
	return p.Chunk.member.Marks[p.n]
}

// matches reports whether the mark of the entry is one of that path.
func (p Position) matches(path manifest.PathMark, isDir bool) bool {
	return p.Mark() != 0 && p.Mark().Matches(path, isDir)
}

// isDir reports whether the mark of the entry is one of a directory.
func (p Position) isDir() bool { return p.Mark().IsDir() }
