// Package keyed finds the rows of versions by keys, which are hashes of what the
// versions are: in 16 bytes for each, however long their paths. Two versions may
// have one key, if hardly ever: see the comment of package catalog.
package keyed

import "math/bits"

// Rows maps keys to rows: a table with open addressing of 16 bytes a slot, four
// fifths full at most. Keys are hashes, so their high bits say where they belong.
type Rows struct {
	keys []uint64
	rows []int64 // by slot; 0 for a free one. The sign bit is the mark
	used int
}

const marked = -1 << 63

func (t *Rows) home(key uint64) int {
	i, _ := bits.Mul64(key, uint64(len(t.keys)))
	return int(i)
}

func (t *Rows) next(i int) int {
	if i++; i < len(t.keys) {
		return i
	}
	return 0
}

// find returns the slot of key, or the free one where it belongs.
func (t *Rows) find(key uint64) int {
	i := t.home(key)
	for t.rows[i] != 0 && t.keys[i] != key {
		i = t.next(i)
	}
	return i
}

// Put adds a row, which is not 0, or takes the place of the one of the same key.
func (t *Rows) Put(key uint64, row int64) {
	if 5*t.used >= 4*len(t.keys) {
		t.grow()
	}
	i := t.find(key)
	if t.rows[i] == 0 {
		t.used++
	}
	t.keys[i], t.rows[i] = key, row
}

func (t *Rows) grow() {
	old := *t
	n := len(old.keys) + len(old.keys)/4 + 64
	t.keys, t.rows = make([]uint64, n), make([]int64, n)
	for i, row := range old.rows {
		if row != 0 {
			j := t.find(old.keys[i])
			t.keys[j], t.rows[j] = old.keys[i], row
		}
	}
}

// Has reports whether key is there.
func (t *Rows) Has(key uint64) bool { return t.used > 0 && t.rows[t.find(key)] != 0 }

// Mark reports whether key is there, and marks it.
func (t *Rows) Mark(key uint64) bool {
	if t.used == 0 {
		return false
	}
	i := t.find(key)
	if t.rows[i] == 0 {
		return false
	}
	t.rows[i] |= marked
	return true
}

// Len returns how many keys there are.
func (t *Rows) Len() int { return t.used }

// Marked reports whether key, which must be there, has a mark.
func (t *Rows) Marked(key uint64) bool { return t.rows[t.find(key)] < 0 }

// Unmarked returns the keys without a mark, and their rows.
func (t *Rows) Unmarked() (keys []uint64, rows []int64) {
	for i, row := range t.rows {
		if row > 0 {
			keys = append(keys, t.keys[i])
			rows = append(rows, row)
		}
	}
	return keys, rows
}

// Unmark takes all marks away.
func (t *Rows) Unmark() {
	for i := range t.rows {
		t.rows[i] &^= marked
	}
}

// Delete frees the slot of key, which must be there, and moves up what would
// not be found any more.
func (t *Rows) Delete(key uint64) {
	free := t.find(key)
	t.used--
	for i := t.next(free); t.rows[i] != 0; i = t.next(i) {
		home := t.home(t.keys[i])
		stays := free < home && home <= i
		if i < free { // the run goes around the end
			stays = free < home || home <= i
		}
		if !stays {
			t.keys[free], t.rows[free] = t.keys[i], t.rows[i]
			free = i
		}
	}
	t.rows[free] = 0
}
