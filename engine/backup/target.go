package backup

import (
	"errors"
	"fmt"

	"phlb/engine/content"
	"phlb/engine/foreign"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// target is a folder of the source, and the folders that stand for it in the
// trees of the run.
type target struct {
	folder   *walk.Folder
	entry    manifest.Entry  // the folder's own entry, once a worker has looked at it; without its path while what lies in it is written
	same     bool            // whether a mark vouches that the parent's entry is the same
	dir      *store.Dir      // the folder in the tree of the run; nil in a dry run, and where the root cannot hold it
	previous *store.Dir      // the folder in the snapshot before; nil if that has none
	resumed  *store.Dir      // the folder in the run that was cut off; nil if that has none
	foreign  *foreign.Folder // what another tool has left in an adopted folder; nil for nothing
}

func (t *target) close() {
	for _, d := range []*store.Dir{t.dir, t.previous, t.resumed} {
		if d != nil {
			d.Close()
		}
	}
}

// plan is what a run knows of a batch of the walk.
type plan struct {
	previous parent.Batch // what the snapshot before has of it
	resumed  parent.Batch // what the run that was cut off has of it
	results  []result     // one for every entry that the snapshot will have
}

// prepareBatch is called by the lister, in order.
func (r *run) prepareBatch(b *walk.Batch) (err error) {
	p, ok := b.Data.(*plan)
	if !ok {
		p = &plan{}
		b.Data = p
	}
	p.results = p.results[:0]
	if err := r.previous.cursor.Take(b, &p.previous); err != nil {
		return err
	}
	r.checkPrevious()
	if err := r.resumed.cursor.Take(b, &p.resumed); err != nil {
		return err
	}
	if err := r.resumed.cursor.Failed(); err != nil {
		r.log.Warn("the run that was cut off cannot be used further", "error", err)
		r.resumed.cursor.Close()
		r.resumed.cursor = nil
	}
	if !b.First {
		return nil
	}
	t := &target{folder: b.Folder}
	b.Folder.Data = t
	r.targets.Store(t, nil)
	above := &target{}
	if b.Folder.Parent == nil {
		err = r.tree.enter(t, nil)
	} else {
		above = b.Folder.Parent.Data.(*target)
		err = r.tree.enter(t, above)
	}
	if refused, ok := errors.AsType[*content.SourceError](err); ok { // with all that lies in it
		b.Errors = append(b.Errors, refused.Err)
		err = nil
	}
	if err == nil {
		t.previous, err = r.previous.enter(b, &p.previous, above.previous)
	}
	if err == nil {
		t.resumed, err = r.resumed.enter(b, &p.resumed, above.resumed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", b.Path, err)
	}
	return nil
}

// finishTo finishes the folders that t does not lie in, all with nil, and opens
// t where it is new.
func (r *run) finishTo(t *target) error {
	for len(r.output.open) > 0 {
		last := r.output.open[len(r.output.open)-1]
		if t != nil && (last == t || last.folder == t.folder.Parent) {
			break
		}
		last.entry.Path = last.folder.Spell()
		if err := r.tree.finish(last); err != nil {
			return fmt.Errorf("%s: %w", last.entry.Path, err)
		}
		r.targets.Delete(last)
		last.close()
		n := len(r.output.open) - 1
		r.output.open[n] = nil // the room behind the end would keep it
		r.output.open = r.output.open[:n]
	}
	if t != nil && (len(r.output.open) == 0 || r.output.open[len(r.output.open)-1] != t) {
		r.output.open = append(r.output.open, t)
	}
	return nil
}
