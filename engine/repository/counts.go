package repository

import (
	"sync"

	"phlb/engine/walk"
)

// NameCounts counts how many names a dry run would give to each inode, or would take from
// it where the count is negative. The zero value counts none. The methods may be called
// from several goroutines.
type NameCounts struct {
	mu     sync.Mutex
	counts map[walk.ID]int64
}

// Add adds n to the count of an inode, and returns the count.
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

// add adds the counts of others, each multiplied by times.
func (c *NameCounts) add(others *NameCounts, times int64) {
	for id, n := range others.counts {
		c.Add(id, times*n)
	}
}
