package keyed

import (
	"math/rand"
	"testing"
)

// TestRows holds the table against a map.
func TestRows(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	var table Rows
	want := map[uint64]int64{}
	var keys []uint64
	for i := range 4_000 {
		if len(keys) > 0 && rnd.Intn(3) == 0 {
			j := rnd.Intn(len(keys))
			table.Delete(keys[j])
			delete(want, keys[j])
			keys[j] = keys[len(keys)-1]
			keys = keys[:len(keys)-1]
			continue
		}
		key := rnd.Uint64()
		if i%2 == 0 {
			key |= 0xffffffff << 32 // crowd the end, so that runs go around
		}
		table.Put(key, int64(i+1))
		want[key] = int64(i + 1)
		keys = append(keys, key)
	}
	if table.Len() != len(want) {
		t.Fatalf("%d keys, not %d", table.Len(), len(want))
	}
	for i, key := range keys {
		if table.rows[table.find(key)] != want[key] {
			t.Fatalf("key %x is lost", key)
		}
		if i%2 == 0 && !table.Mark(key) {
			t.Fatalf("key %x cannot be marked", key)
		}
		if table.Mark(key + 1) {
			t.Fatalf("key %x should not be there", key+1)
		}
	}
	if left, _ := table.Unmarked(); len(left) != len(keys)/2 {
		t.Fatalf("%d are not marked, not %d", len(left), len(keys)/2)
	}
	table.Unmark()
	if left, _ := table.Unmarked(); len(left) != len(keys) {
		t.Fatalf("%d are not marked, not %d", len(left), len(keys))
	}
}
