package verify

import (
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

// Round is what the checks of one snapshot after the other have read so far, so that
// an inode that several of them hold is read once. Its zero value is an empty one.
type Round struct {
	mu      sync.Mutex
	checks  int    // how many have begun
	seed    uint64 // of the sample of all checks
	inodes  map[inode]reading
	damaged map[inode]flaw // those of inodes that are
}

// roundSize is how many inodes a round remembers, of those with several names: some
// 100 MB. What is beyond is read in each snapshot.
const roundSize = 1 << 20

// inode names what was read: one whose number is given to another file, or to which
// somebody has written, has another change time.
type inode struct {
	id    walk.ID
	ctime manifest.Time
}

// reading is what an inode was read for.
type reading struct {
	digest uint64 // the first bytes of the digest that it should have
	check  int    // which check of the round has read it
}

// flaw is what is the matter with an inode.
type flaw struct{ what, detail string }

// sharedPath is a path whose inode was read under another path.
type sharedPath struct {
	inode inode
	entry manifest.Entry
}

// begin counts a check, and returns its number.
func (r *Round) begin(seed uint64) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inodes == nil {
		r.inodes, r.damaged, r.seed = map[inode]reading{}, map[inode]flaw{}, seed
	}
	r.checks++
	return r.checks
}

// mustRead reports whether the inode of a file has not been read yet. What an earlier
// check has found holds for the path too. Where this check has come to the inode under
// another path, which may still be read, the path is noted, and told of in the end.
func (v *verification) mustRead(found *walk.Entry, want *manifest.Entry) bool {
	if found.Nlink == 1 || !found.ID().Known() {
		return true
	}
	r, at := v.Round, inode{found.ID(), found.Ctime}
	now := reading{want.Digest.Prefix(), v.number}
	r.mu.Lock()
	before, ok := r.inodes[at]
	same := ok && before.digest == now.digest
	if !same && (ok || len(r.inodes) < roundSize) {
		r.inodes[at] = now
	}
	f, damaged := r.damaged[at]
	r.mu.Unlock()
	switch {
	case !same:
		return true
	case before.check == v.number:
		v.mu.Lock()
		v.sharing = append(v.sharing, sharedPath{at, *want})
		v.mu.Unlock()
		return false
	}
	v.report.Count(func(report *repository.Report) { report.Before += want.Size })
	if damaged {
		v.damage(want, f.what, f.detail)
	}
	return false
}

// flawed notes what is the matter with the inode of a path, for its other names.
func (v *verification) flawed(found *walk.Entry, want *manifest.Entry, f flaw) {
	v.damage(want, f.what, f.detail)
	v.Round.mu.Lock()
	defer v.Round.mu.Unlock()
	v.Round.damaged[inode{found.ID(), found.Ctime}] = f
}

// forget has the inode of a file that could not be opened read under its next name.
func (v *verification) forget(found *walk.Entry) {
	v.Round.mu.Lock()
	defer v.Round.mu.Unlock()
	delete(v.Round.inodes, inode{found.ID(), found.Ctime})
}

// spread reports what is damaged under every path whose inode was read under another.
func (v *verification) spread() {
	for _, s := range v.sharing {
		v.Round.mu.Lock()
		f, ok := v.Round.damaged[s.inode]
		v.Round.mu.Unlock()
		if ok {
			v.damage(&s.entry, f.what, f.detail)
		}
	}
}
