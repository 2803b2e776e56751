package rows

import (
	"cmp"
	"slices"
)

// Names holds the snapshots of every name, by the number of each of them.
type Names map[ID]*[]Snapshot

// NamesOf sorts all by names; of each, the last absorbed comes first.
func NamesOf(all []Snapshot) Names {
	n := Names{}
	byName := map[string]*[]Snapshot{}
	for _, s := range slices.Backward(all) { // they come in the order of their numbers
		list := byName[s.Name]
		if list == nil {
			list = new([]Snapshot)
			byName[s.Name] = list
		}
		*list = append(*list, s)
		n[s.ID] = list
	}
	return n
}

// Holding returns the snapshots from since to until of one name, the last one
// first, and none if there is no since: such a row was left by a writer that
// did not finish, or has not yet.
func (n Names) Holding(since, until ID) []Snapshot {
	list := n[since]
	if list == nil {
		return nil
	}
	byNumber := func(s Snapshot, id ID) int { return cmp.Compare(id, s.ID) }
	from := 0
	if until != 0 {
		from, _ = slices.BinarySearchFunc(*list, until, byNumber)
	}
	to, _ := slices.BinarySearchFunc(*list, since, byNumber)
	return (*list)[from : to+1]
}
