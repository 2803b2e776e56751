package catalog

import (
	"context"
	"fmt"

	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Recorder takes what a run changes, while it runs. Its methods must not be
// called at the same time, and it must be ended by Commit or Abort, before the catalog is published.
type Recorder struct {
	changes *changes
	all     []Snapshot
}

// Begin starts to record a snapshot of name, whose changes are told relative to
// the snapshot base, 0 for none. It fails with [ErrBase] where base is not the
// last one of that name in the catalog.
func (c *Catalog) Begin(ctx context.Context, name string, base ID) (*Recorder, error) {
	ch, all, err := c.newChanges(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", name, err)
	}
	r := &Recorder{ch, all}
	if err := c.settle(ctx); err != nil {
		r.Abort()
		return nil, fmt.Errorf("record %s: %w", name, err)
	}
	if ch.base != base {
		r.Abort()
		return nil, fmt.Errorf("record %s: %w", name, ErrBase)
	}
	return r, nil
}

// Add takes a version that begins with this snapshot. It keeps nothing of e.
func (r *Recorder) Add(e *manifest.Entry) error {
	return r.changes.add(rows.VersionOf(e))
}

// End takes a version of the base that is not in this snapshot.
func (r *Recorder) End(e *manifest.Entry) error {
	r.changes.ended.add(e.Path)
	return r.changes.failed()
}

// Commit adds the snapshot with the changes. If it fails, nothing of them is
// left, or the catalog fails from then on; with [ErrBase], which is one of the
// former, it did not hold a version that was to end.
func (r *Recorder) Commit(ctx context.Context, s Snapshot) (ID, error) {
	name := r.changes.name
	err := unknown(r.all, name, s.Stamp)
	if err == nil {
		err = manifest.CheckTags(s.Tags)
	}
	if err != nil {
		r.Abort()
		return 0, fmt.Errorf("record %s/%s: %w", name, s.Stamp, err)
	}
	id, err := r.changes.finish(ctx, s)
	if err != nil {
		return 0, fmt.Errorf("record %s/%s: %w", name, s.Stamp, err)
	}
	r.changes.c.forget(name)
	return id, nil
}

// Abort drops what was recorded. After Commit it does nothing.
func (r *Recorder) Abort() error { return r.changes.undo() }

// unknown returns ErrKnown if there is a snapshot of that name and stamp.
func unknown(all []Snapshot, name, stamp string) error {
	for i := range all {
		if all[i].Name == name && all[i].Stamp == stamp {
			return ErrKnown
		}
	}
	return nil
}
