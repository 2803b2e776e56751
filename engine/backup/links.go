package backup

import (
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// links makes files that were one inode in the source one in the snapshot: who
// comes first stores it, the others wait and link to it.
type links struct {
	mu     sync.Mutex
	leader map[walk.ID]*leader
}

// leader is the name of an inode that the walk has come to first.
type leader struct {
	done  chan struct{}   // closed once entry is there
	entry *manifest.Entry // as it was stored; nil where it could not be
}

// follow returns the leader of an inode, and whether that is the caller.
func (l *links) follow(id walk.ID) (_ *leader, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.leader[id]; found != nil {
		return found, false
	}
	if l.leader == nil {
		l.leader = map[walk.ID]*leader{}
	}
	made := &leader{done: make(chan struct{})}
	l.leader[id] = made
	return made, true
}
