package known

import (
	"context"
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// Hardlinks make paths that share an inode in the source share one in the snapshot. The
// task that comes to an inode first, the leader, stores it. The tasks of its other names
// wait for the leader, and link to what the leader has stored.
type Hardlinks struct {
	mu     sync.Mutex
	leader map[walk.ID]*Leader
}

// Leader is the path of an inode that a task has come to first.
type Leader struct {
	done  chan struct{} // closed once entry is set
	entry *manifest.Entry
}

// LeaderOf returns the leader of an inode. Where first is true, that is the caller, who
// calls [Leader.Stored].
func (h *Hardlinks) LeaderOf(id walk.ID) (_ *Leader, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if found := h.leader[id]; found != nil {
		return found, false
	}
	if h.leader == nil {
		h.leader = map[walk.ID]*Leader{}
	}
	made := &Leader{done: make(chan struct{})}
	h.leader[id] = made
	return made, true
}

// Stored tells those who wait how the inode was stored: nil where it could not be.
func (l *Leader) Stored(e *manifest.Entry) {
	if e != nil {
		own := *e // which the caller may change
		l.entry = &own
	}
	close(l.done)
}

// Wait waits for [Leader.Stored], and returns what that was told.
func (l *Leader) Wait(ctx context.Context) (*manifest.Entry, error) {
	select {
	case <-l.done:
		return l.entry, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
