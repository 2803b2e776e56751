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

// folder is a folder of the source, together with the folders of the same path in the
// trees that the run writes and reads.
type folder struct {
	source  *walk.Folder
	entry   manifest.Entry  // of the folder, once a worker has looked at it; its path is empty while entries in the folder are written
	same    bool            // whether a mark vouches that the parent's manifest has the same entry
	dir     *store.Dir      // in the tree of the run; nil in a dry run, and where the root cannot hold the folder
	parent  *store.Dir      // in the parent; nil where the parent does not have the folder
	resumed *store.Dir      // in what a run that was cut off has left; nil where that does not have the folder
	foreign *foreign.Folder // what another tool has left in an adopted folder; nil for nothing
}

func (f *folder) close() {
	for _, d := range []*store.Dir{f.dir, f.parent, f.resumed} {
		if d != nil {
			d.Close()
		}
	}
}

// plan is what the run knows of a batch of the walk.
type plan struct {
	parent  parent.Batch // what the parent's manifest holds of the batch
	resumed parent.Batch // what the manifest of a run that was cut off holds of the batch
	results []result     // one for every entry that the snapshot will have
}

// prepareBatch finds what the manifests hold of a batch, and opens the folder of the
// batch in each tree. The goroutine that lists the source calls it, in order.
func (r *run) prepareBatch(b *walk.Batch) (err error) {
	p, ok := b.Data.(*plan)
	if !ok {
		p = &plan{}
		b.Data = p
	}
	p.results = p.results[:0]
	if err := r.parent.Cursor.Take(b, &p.parent); err != nil {
		return err
	}
	r.checkParent()
	if err := r.resumed.Cursor.Take(b, &p.resumed); err != nil {
		return err
	}
	if err := r.resumed.Cursor.Failed(); err != nil {
		r.log.Warn("the run that was cut off cannot be used further", "error", err)
		r.resumed.Cursor.Close()
		r.resumed.Cursor = nil
	}
	if !b.First {
		return nil
	}
	t := &folder{source: b.Folder}
	b.Folder.Data = t
	r.folders.Store(t, nil)
	above := &folder{}
	if b.Folder.Parent == nil {
		err = r.tree.enter(t, nil)
	} else {
		above = b.Folder.Parent.Data.(*folder)
		err = r.tree.enter(t, above)
	}
	if refused, ok := errors.AsType[*content.SourceError](err); ok { // and so is all that lies in the folder
		b.Errors = append(b.Errors, refused.Err)
		err = nil
	}
	if err == nil {
		t.parent, err = r.parent.Enter(b, &p.parent, above.parent)
	}
	if err == nil {
		t.resumed, err = r.resumed.Enter(b, &p.resumed, above.resumed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", b.Path, err)
	}
	return nil
}

// finishTo finishes the folders that f does not lie in, all with nil, and adds f to
// the open ones if it is not among them.
func (r *run) finishTo(f *folder) error {
	for len(r.output.open) > 0 {
		last := r.output.open[len(r.output.open)-1]
		if f != nil && (last == f || last.source == f.source.Parent) {
			break
		}
		last.entry.Path = last.source.Spell()
		if err := r.tree.finish(last); err != nil {
			return fmt.Errorf("%s: %w", last.entry.Path, err)
		}
		r.folders.Delete(last)
		last.close()
		n := len(r.output.open) - 1
		r.output.open[n] = nil // else the room behind the end of the slice would keep the folder in memory
		r.output.open = r.output.open[:n]
	}
	if f != nil && (len(r.output.open) == 0 || r.output.open[len(r.output.open)-1] != f) {
		r.output.open = append(r.output.open, f)
	}
	return nil
}
