package repository

import (
	"sync"

	"phlb/engine/walk"
)

// NameCounts counts the names that a dry run would give to inodes, or with a
// negative count take from them. The zero value counts none. The methods may be
// called from several goroutines.
type NameCounts struct {
	mu     sync.Mutex
	counts map[walk.ID]int64
}

// Add counts n names more for an inode, and returns the count.
func (c *NameCounts) Add(id walk.ID, n int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[walk.ID]int64{}
	}
	c.counts[id] += n
	return c.counts[id]
}

// Of returns the count of an inode.
func (c *NameCounts) Of(id walk.ID) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[id]
}

// add counts the names of others so many times.
func (c *NameCounts) add(others *NameCounts, times int64) {
	for id, n := range others.counts {
		c.Add(id, times*n)
	}
}
