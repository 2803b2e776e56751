package computed

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"slices"
	"strings"
	"unsafe"

	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// A state is what a snapshot has at a path. There may be a million of them: none has
// a pointer that the garbage collector would have to look at.
type state struct {
	path     uint64 // where it lies among the paths
	size     int64
	identity uint64 // a hash of kind, content and target
	rest     uint64 // a hash of permissions, attributes and, but for a directory, time
	digest   uint64 // where it lies among the paths
	kind     manifest.Kind
}

// states are those that only one of two snapshots has, in pieces: what grows is not
// copied.
type states struct {
	pieces [][]state
	count  int
}

func (l *states) at(i int32) *state { return &l.pieces[i/chunk][i%chunk] }

func (l *states) add(one state) {
	if l.count == chunk*len(l.pieces) {
		l.pieces = append(l.pieces, make([]state, chunk))
	}
	l.count++
	*l.at(int32(l.count - 1)) = one
}

// sorted returns the numbers of the states in the order of their paths.
func (l *states) sorted(p *paths) []int32 {
	order := make([]int32, l.count)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(p.text(l.at(a).path), p.text(l.at(b).path)) })
	return order
}

// paths are texts, one after the other, each behind its length.
type paths struct {
	pieces [][]byte
}

const (
	pieceBits = 20
	pieceMask = 1<<pieceBits - 1
)

// add keeps a text, and returns where it lies.
func (p *paths) add(text string) uint64 {
	last := len(p.pieces) - 1
	need := len(text) + binary.MaxVarintLen64
	if last < 0 || len(p.pieces[last])+need > cap(p.pieces[last]) {
		p.pieces = append(p.pieces, make([]byte, 0, max(1<<pieceBits, need)))
		last++
	}
	at := len(p.pieces[last])
	p.pieces[last] = append(binary.AppendUvarint(p.pieces[last], uint64(len(text))), text...)
	return uint64(last)<<pieceBits | uint64(at)
}

// text returns the text that lies there. It is not changed any more.
func (p *paths) text(at uint64) string {
	b := p.pieces[at>>pieceBits][at&pieceMask:]
	n, size := binary.Uvarint(b)
	return unsafe.String(unsafe.SliceData(b[size:]), int(n))
}

// A change is of a path: before or after is -1 where there is none.
type change struct {
	what          what
	before, after int32
}

// what says how a path is another one.
type what uint8

const (
	added what = iota
	removed
	changed
	moved
	metadata
	passedOver // the other half of what was moved
)

func (w what) String() string {
	return [...]string{"added", "removed", "changed", "moved", "metadata", ""}[w]
}

// A comparison is of two snapshots.
type comparison struct {
	before, after states
	paths         paths
	list          []change
}

var seed = maphash.MakeSeed()

// Changes returns what differs in two snapshots, in the order of the paths. It reads
// all versions once, and keeps those that only one of the snapshots holds, as holds
// says. The columns are what, path, before, kind, size, size_before and digest.
func Changes(ctx context.Context, from rows.Source, holds func(v *rows.Version) (first, second bool)) (Rows, error) {
	c := &comparison{}
	err := rows.ScanVersions(ctx, from, rows.Filter{}, func(v *rows.Version, _ rows.Position) (bool, error) {
		switch first, second := holds(v); {
		case first && !second:
			c.before.add(c.stateOf(v))
		case second && !first:
			c.after.add(c.stateOf(v))
		}
		return true, nil
	})
	if err != nil {
		return Rows{}, err
	}
	c.compare()
	return Rows{len(c.list), c.value}, nil
}

func (c *comparison) stateOf(v *rows.Version) state {
	one := state{path: c.paths.add(v.Path), kind: v.Kind, size: v.Size, digest: c.paths.add(string(v.Digest.Bytes()))}
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteByte(byte(v.Kind))
	h.Write(v.Digest.Bytes())
	h.WriteString(v.Target)
	one.identity = h.Sum64()
	one.rest = maphash.Comparable(seed, v.Permissions) ^ maphash.String(seed, v.Xattrs)
	if v.Kind != manifest.Dir { // the time of a directory moves with what it holds
		one.rest ^= maphash.Comparable(seed, v.Mtime)
	}
	return one
}

// compare lists what differs, in the order of the paths.
func (c *comparison) compare() {
	before, after := c.before.sorted(&c.paths), c.after.sorted(&c.paths)
	c.list = make([]change, 0, max(len(before), len(after)))
	for len(before) > 0 || len(after) > 0 {
		order := -1
		if len(before) == 0 {
			order = 1
		} else if len(after) > 0 {
			order = strings.Compare(c.paths.text(c.before.at(before[0]).path), c.paths.text(c.after.at(after[0]).path))
		}
		switch {
		case order < 0:
			c.list = append(c.list, change{removed, before[0], -1})
			before = before[1:]
		case order > 0:
			c.list = append(c.list, change{added, -1, after[0]})
			after = after[1:]
		default:
			old, now := c.before.at(before[0]), c.after.at(after[0])
			switch {
			case old.identity != now.identity && !c.hashedAnew(old, now):
				c.list = append(c.list, change{changed, before[0], after[0]})
			case old.rest != now.rest:
				c.list = append(c.list, change{metadata, before[0], after[0]})
			}
			before, after = before[1:], after[1:]
		}
	}
	c.findMoved()
}

// hashedAnew reports whether nothing but the algorithm differs by which the content was
// hashed.
func (c *comparison) hashedAnew(old, now *state) bool {
	return old.kind == manifest.File && now.kind == manifest.File && old.size == now.size && old.rest == now.rest &&
		len(c.paths.text(old.digest)) != len(c.paths.text(now.digest))
}

// findMoved makes one change of a file that was removed and one of the same content
// that was added, the first of each by their paths.
func (c *comparison) findMoved() {
	var gone []int32 // in the list
	for i := range c.list {
		if one := &c.list[i]; one.what == removed && isContent(c.before.at(one.before)) {
			gone = append(gone, int32(i))
		}
	}
	digest := func(i int32) string { return c.paths.text(c.before.at(c.list[i].before).digest) }
	slices.SortFunc(gone, func(a, b int32) int { return cmp.Or(strings.Compare(digest(a), digest(b)), cmp.Compare(a, b)) })
	taken := map[int32]int32{} // where in gone the files of a content begin, how many are taken
	for i := range c.list {
		one := &c.list[i]
		if one.what != added || !isContent(c.after.at(one.after)) {
			continue
		}
		now := c.paths.text(c.after.at(one.after).digest)
		first, found := slices.BinarySearchFunc(gone, now, func(i int32, d string) int { return strings.Compare(digest(i), d) })
		if !found {
			continue
		}
		at := int32(first) + taken[int32(first)]
		if int(at) == len(gone) || digest(gone[at]) != now {
			continue
		}
		taken[int32(first)]++
		old := &c.list[gone[at]]
		one.what, one.before = moved, old.before
		old.what = passedOver
	}
	c.list = slices.DeleteFunc(c.list, func(one change) bool { return one.what == passedOver })
}

func isContent(s *state) bool { return s.kind == manifest.File && s.size > 0 }

func (c *comparison) value(row, column int) any {
	one := c.list[row]
	var old, now *state
	if one.before >= 0 {
		old = c.before.at(one.before)
	}
	if one.after >= 0 {
		now = c.after.at(one.after)
	}
	shown := cmp.Or(now, old)
	switch column {
	case 0:
		return one.what.String()
	case 1:
		return c.paths.text(shown.path)
	case 2:
		if one.what == moved {
			return c.paths.text(old.path)
		}
	case 3:
		return string(rune(shown.kind))
	case 4:
		if now != nil {
			return now.size
		}
	case 5:
		if old != nil {
			return old.size
		}
	case 6:
		if now != nil && now.kind == manifest.File {
			return hex.EncodeToString([]byte(c.paths.text(now.digest)))
		}
	}
	return nil
}
