package catalog

import "math/bits"

// openRows maps the keys of versions to their rows: a table with open
// addressing of 16 bytes a slot, four fifths full at most. Keys are hashes, so
// their high bits say where they belong.
type openRows struct {
	keys []uint64
	rows []int64 // by slot; 0 for a free one. The sign bit is the mark
	used int
}

const marked = -1 << 63

func (t *openRows) home(key uint64) int {
	i, _ := bits.Mul64(key, uint64(len(t.keys)))
	return int(i)
}

func (t *openRows) next(i int) int {
	if i++; i < len(t.keys) {
		return i
	}
	return 0
}

// find returns the slot of key, or the free one where it belongs.
func (t *openRows) find(key uint64) int {
	i := t.home(key)
	for t.rows[i] != 0 && t.keys[i] != key {
		i = t.next(i)
	}
	return i
}

func (t *openRows) put(key uint64, row int64) {
	if 5*t.used >= 4*len(t.keys) {
		t.grow()
	}
	i := t.find(key)
	if t.rows[i] == 0 {
		t.used++
	}
	t.keys[i], t.rows[i] = key, row
}

func (t *openRows) grow() {
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

// has reports whether key is there.
func (t *openRows) has(key uint64) bool { return t.used > 0 && t.rows[t.find(key)] != 0 }

// mark reports whether key is there, and marks it.
func (t *openRows) mark(key uint64) bool {
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

type keysAndRows struct {
	keys []uint64
	rows []int64
}

// unmarked returns what has no mark.
func (t *openRows) unmarked() (found keysAndRows) {
	for i, row := range t.rows {
		if row > 0 {
			found.keys = append(found.keys, t.keys[i])
			found.rows = append(found.rows, row)
		}
	}
	return found
}

func (t *openRows) unmark() {
	for i := range t.rows {
		t.rows[i] &^= marked
	}
}

// delete frees the slot of key, which must be there, and moves up what would
// not be found any more.
func (t *openRows) delete(key uint64) {
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
