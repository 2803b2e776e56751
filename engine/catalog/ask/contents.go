package ask

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"math"

	"phlb/engine/manifest"
)

var contentsTable = Table{
	Name: "contents", Kind: "table", made: contents,
	Doc:     "one row for each content that files have, under whatever paths and in whatever snapshots",
	Example: "SELECT path, versions, human(size) FROM contents ORDER BY versions DESC LIMIT 10",
	Columns: []Column{
		{"digest", digestText, "SHA-256 of it", "", nil},
		{"size", integer, "bytes", "", nil},
		{"versions", integer, "how many versions of paths have it", "", nil},
		{"copies", integer, "how many of these are in the last snapshot of their names", "", nil},
		{"path", text, "one of the paths: of those that are in the last snapshots, or else of all, the first in the alphabet", "", nil},
		{"since", integer, "id of the first snapshot that holds it", "", nil},
		{"until", integer, "id of the last one; 0 as long as it is in the last one of some name", "", nil},
	},
}

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

// contents collects the contents of one range after the other.
func contents(s *Session, ctx context.Context, a arguments) (nextRows, error) {
	c := &collection{last: math.MaxUint64}
	if written, ok := a.equal["digest"].(string); ok {
		digest, err := hex.DecodeString(written)
		if err != nil || len(digest) != len(manifest.Digest{}) {
			return once(madeRows{}), nil // none is written so
		}
		c.only = digest
	}
	begun := false
	return func() (madeRows, error) {
		if begun && !c.next() {
			return madeRows{}, nil
		}
		begun = true
		err := s.scanVersions(ctx, c.wants, func(v *versionRow) error {
			if v.kind == byte(manifest.File) && !v.absent {
				c.add(v)
			}
			return nil
		})
		return madeRows{c.count, c.value}, err
	}, nil
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
	if len(digest) != len(manifest.Digest{}) || c.only != nil && !bytes.Equal(digest, c.only) {
		return false
	}
	prefix := binary.BigEndian.Uint64(digest)
	return prefix >= c.from && prefix <= c.last
}

// add adds a version whose digest it wants.
func (c *collection) add(v *versionRow) {
	if 2*c.count >= len(c.index) {
		c.index = make([]int32, max(1<<12, 4*len(c.index)))
		c.reindex()
	}
	slot := c.find(v.digest)
	if c.index[slot] == 0 {
		if c.count == contentsAtOnce && c.last > c.from {
			if c.halve(); c.wants(v.digest) {
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
		*one = content{size: v.size, since: v.since, until: v.until, path: one.path[:0]}
		copy(one.digest[:], v.digest)
	}
	one := c.at(int(c.index[slot]) - 1)
	lives := v.until == 0
	if one.versions == 0 || lives && !one.lives || lives == one.lives && v.path < string(one.path) {
		one.path, one.lives = c.keep(one.path, v.path), lives
	}
	one.versions++
	if lives {
		one.copies++
	}
	one.since = min(one.since, v.since)
	if one.until = max(one.until, v.until); one.copies > 0 {
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
	for c.index[slot] != 0 && !bytes.Equal(c.at(int(c.index[slot]) - 1).digest[:], digest) {
		slot = (slot + 1) & mask
	}
	return slot
}

func (c *collection) reindex() {
	for i := range c.count {
		c.index[c.find(c.at(i).digest[:])] = int32(i + 1)
	}
}

// halve leaves the second half of the range to the next one.
func (c *collection) halve() {
	c.last = c.from + (c.last-c.from)/2
	left := 0
	for i := range c.count {
		if one := c.at(i); binary.BigEndian.Uint64(one.digest[:]) <= c.last {
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
