package backup

import (
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// hardlinks makes paths that share an inode in the source share one in the snapshot.
// The task that comes to an inode first stores it; the tasks of its other names wait
// and link to what was stored.
type hardlinks struct {
	mu     sync.Mutex
	leader map[walk.ID]*leader
}

// leader is the path of an inode that a task has come to first.
type leader struct {
	done  chan struct{}   // closed once entry is set
	entry *manifest.Entry // as it was stored; nil where it could not be stored
}

// leaderOf returns the leader of an inode. The caller is the leader where first is
// true: it sets the entry and closes done.
func (l *hardlinks) leaderOf(id walk.ID) (_ *leader, first bool) {
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
