package backup

import (
	"context"
	"errors"
	"io/fs"

	"phlb/engine/catalog"
	"phlb/engine/known"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// plannedTree is the tree of a dry run: the manifest is written to a temporary file, and
// nothing is stored.
type plannedTree struct {
	unwritten
	*run
	names repository.NameCounts // how many names links would give to inodes
}

// planPartial plans a partial, and counts the names of inodes that would go with the
// partials of runs that were cut off.
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

func (p *plannedTree) enter(_, _ *folder) error { return nil }
func (p *plannedTree) describe(*folder) error   { return nil }

func (p *plannedTree) save(t *task, e *walk.Entry, at parent.Position) (result, error) {
	return t.saveFromSource(e, at)
}

func (p *plannedTree) link(_ *task, _ *store.Dir, _ string, inode store.Inode) error {
	p.names.Add(known.IDOf(inode), 1)
	return nil
}

func (p *plannedTree) seal(context.Context, *catalog.Catalog, *catalog.Snapshot) error {
	p.Rehearsal.Add(p.partial, &p.names)
	return nil
}
