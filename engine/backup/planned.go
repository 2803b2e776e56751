package backup

import (
	"context"
	"errors"
	"io/fs"

	"phlb/engine/catalog"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// plannedTree is that of a dry run: the manifest is written, to a temporary
// file, and nothing is stored.
type plannedTree struct {
	unwritten
	*run
	names repository.NameCounts
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
		err := walk.EachFile(ctx, walk.Of(&left.Dir), func(e *walk.Entry) { p.names.Add(e.ID(), -1) })
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
	p.names.Add(idOf(inode), 1)
	return nil
}

func (p *plannedTree) seal(context.Context, *catalog.Catalog, *catalog.Snapshot) error {
	p.Rehearsal.Add(p.partial, &p.names)
	return nil
}

func idOf(inode store.Inode) walk.ID { return walk.ID{Dev: inode.Dev, Inode: inode.Ino} }
