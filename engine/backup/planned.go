package backup

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"phlb/engine/catalog"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// plannedTree is that of a dry run: the manifest is written, to a temporary
// file, and nothing is stored.
type plannedTree struct {
	unwritten
	*run
	names nameCounts
}

// nameCounts counts the names that a dry run would give to inodes, or take from
// them.
type nameCounts struct {
	mu     sync.Mutex
	counts map[walk.ID]int64
}

// add counts n names more for an inode, and returns the count.
func (c *nameCounts) add(id walk.ID, n int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[walk.ID]int64{}
	}
	c.counts[id] += n
	return c.counts[id]
}

// planPartial starts a snapshot that is not going to be there. What runs that
// were cut off have left would be gone after it.
func (p *plannedTree) planPartial(ctx context.Context, name, stamp string) (*store.Partial, error) {
	if err := p.Rehearsal.Keep(p.Env.TempDir); err != nil {
		return nil, err
	}
	planned, err := p.root.Plan(name, stamp, p.Rehearsal.Dir)
	if err != nil {
		return nil, err
	}
	for _, left := range planned.Left {
		err := walk.EachFile(ctx, walk.Of(&left.Dir), func(e *walk.Entry) { p.names.add(e.ID(), -1) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			planned.Close()
			return nil, err
		}
	}
	return planned, nil
}

func (p *plannedTree) enter(_, _ *target) error { return nil }
func (p *plannedTree) describe(*target) error   { return nil }

func (p *plannedTree) bring(t *task, e *walk.Entry, at parent.Position) (result, error) {
	return t.bringFromSource(e, at)
}

func (p *plannedTree) link(_ *task, _ *store.Dir, _ string, inode store.Inode) error {
	p.names.add(idOf(inode), 1)
	return nil
}

func (p *plannedTree) seal(context.Context, *catalog.Catalog, *catalog.Snapshot) error {
	p.Rehearsal.Add(p.partial, p.names.counts)
	return nil
}

func idOf(inode store.Inode) walk.ID { return walk.ID{Dev: inode.Dev, Inode: inode.Ino} }
