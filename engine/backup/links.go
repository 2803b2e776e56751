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

type leader struct {
	done  chan struct{}
	entry *manifest.Entry // as stored; nil where that failed
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
