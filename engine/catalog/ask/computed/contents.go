package computed

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"

	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// A content is what versions of one digest have in common.
type content struct {
	digest           manifest.Digest
	size             int64
	since, until     int64
	versions, copies int32
	path             []byte
	lives            bool // the path is of a version that lives
}

// contentsAtOnce is how many contents are in memory at a time. Where there are
// more, the versions are read several times, each time for the digests of one
// range: to sort all by their digests would take twice as long.
const contentsAtOnce = 400_000

// Contents collects the contents that files have, of one range after the other:
// with only, that of one digest. The columns are digest, size, versions, copies, path,
// since and until.
func Contents(ctx context.Context, from rows.Source, only []byte) Next {
	c := &collection{last: math.MaxUint64, only: only}
	begun := false
	return func() (Rows, error) {
		if begun && !c.next() {
			return Rows{}, nil
		}
		begun = true
		err := rows.ScanVersions(ctx, from, rows.ByDigest(c.wants), func(v *rows.Version, _ rows.Position) (bool, error) {
			if v.Kind == manifest.File && v.Stored != rows.Absent {
				c.add(v)
			}
			return true, nil
		})
		return Rows{c.count, c.value}, err
	}
}

// A collection is of the contents whose digests begin with numbers of a range.
type collection struct {
	from, last uint64
	only       []byte // the digest, where one alone is asked for
	count      int
	chunks     [][]content // of chunk contents each: what grows is not copied
	index      []int32     // by digest, which one it is, counted from 1
	paths      []byte      // that the next path is put into
}

const chunk = 1 << 12

// at returns the content of a number.
func (c *collection) at(i int) *content { return &c.chunks[i/chunk][i%chunk] }

// next empties the collection for the next range, of the same length, and reports
// whether there is one.
func (c *collection) next() bool {
	if c.last == math.MaxUint64 {
		return false
	}
	c.from, c.last = c.last+1, c.last+(c.last-c.from+1)
	c.count = 0
	clear(c.index)
	return true
}

// wants reports whether the digest is in the range.
func (c *collection) wants(digest []byte) bool {
	if len(digest) < 8 || c.only != nil && !bytes.Equal(digest, c.only) {
		return false
	}
	prefix := binary.BigEndian.Uint64(digest)
	return prefix >= c.from && prefix <= c.last
}

// add adds a version whose digest it wants.
func (c *collection) add(v *rows.Version) {
	if 2*c.count >= len(c.index) {
		c.index = make([]int32, max(1<<12, 4*len(c.index)))
		c.reindex()
	}
	slot := c.find(v.Digest.Bytes())
	if c.index[slot] == 0 {
		if c.count == contentsAtOnce && c.last > c.from {
			if c.halve(); c.wants(v.Digest.Bytes()) {
				c.add(v)
			}
			return
		}
		if c.count == chunk*len(c.chunks) {
			c.chunks = append(c.chunks, make([]content, chunk))
		}
		c.count++
		c.index[slot] = int32(c.count)
		one := c.at(c.count - 1)
		*one = content{size: v.Size, since: int64(v.Since), until: int64(v.Until), path: one.path[:0]}
		one.digest = v.Digest
	}
	one := c.at(int(c.index[slot]) - 1)
	lives := v.Until == 0
	if one.versions == 0 || lives && !one.lives || lives == one.lives && v.Path < string(one.path) {
		one.path, one.lives = c.keep(one.path, v.Path), lives
	}
	one.versions++
	if lives {
		one.copies++
	}
	one.since = min(one.since, int64(v.Since))
	if one.until = max(one.until, int64(v.Until)); one.copies > 0 {
		one.until = 0
	}
}

// keep copies a path into the room of another one, or to where others are.
func (c *collection) keep(room []byte, path string) []byte {
	if cap(room) < len(path) {
		if len(c.paths) < len(path) {
			c.paths = make([]byte, max(1<<18, len(path)))
		}
		room, c.paths = c.paths[:len(path):len(path)], c.paths[len(path):]
	}
	room = room[:len(path)]
	copy(room, path)
	return room
}

// find returns the slot of a digest, or that where it would be.
func (c *collection) find(digest []byte) int {
	mask := len(c.index) - 1
	// The first bytes are those of the range.
	slot := int(binary.LittleEndian.Uint32(digest[8:])) & mask
	for c.index[slot] != 0 && !bytes.Equal(c.at(int(c.index[slot])-1).digest.Bytes(), digest) {
		slot = (slot + 1) & mask
	}
	return slot
}

func (c *collection) reindex() {
	for i := range c.count {
		c.index[c.find(c.at(i).digest.Bytes())] = int32(i + 1)
	}
}

// halve leaves the second half of the range to the next one.
func (c *collection) halve() {
	c.last = c.from + (c.last-c.from)/2
	left := 0
	for i := range c.count {
		if one := c.at(i); one.digest.Prefix() <= c.last {
			to := c.at(left)
			*to, *one = *one, *to // the room for a path stays where it is not needed
			left++
		}
	}
	c.count = left
	clear(c.index)
	c.reindex()
}

// value returns a column of a content.
func (c *collection) value(row, column int) any {
	one := c.at(row)
	switch column {
	case 0:
		return one.digest.String()
	case 1:
		return one.size
	case 2:
		return int64(one.versions)
	case 3:
		return int64(one.copies)
	case 4:
		return string(one.path)
	case 5:
		return one.since
	}
	return one.until
}
