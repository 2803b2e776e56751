package backup

import (
	"fmt"

	"phlb/engine/foreign"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// target is a folder of the source in the snapshots.
type target struct {
	folder   *walk.Folder
	entry    manifest.Entry  // of the folder, once it has been worked on
	same     bool            // as in the snapshot before, by its mark
	dir      *store.Dir      // where it is filled
	previous *store.Dir      // in the snapshot before, nil if not there
	resumed  *store.Dir      // in the run that was cut off, nil if not there
	foreign  *foreign.Folder // of the tool that wrote the tree that is adopted, else nil
}

func (t *target) close() {
	for _, d := range []*store.Dir{t.dir, t.previous, t.resumed} {
		if d != nil {
			d.Close()
		}
	}
}

// plan is what a run knows of a batch.
type plan struct {
	previous parent.Batch
	resumed  parent.Batch
	results  []result // for every entry of the batch that was stored
}

// prepareBatch is called by the lister, in order.
func (r *run) prepareBatch(b *walk.Batch) (err error) {
	p, ok := b.Data.(*plan)
	if !ok {
		p = &plan{}
		b.Data = p
	}
	p.results = p.results[:0]
	if err := r.previous.Take(b, &p.previous); err != nil {
		return err
	}
	r.checkPrevious()
	if err := r.resumed.Take(b, &p.resumed); err != nil {
		return err
	}
	if err := r.resumed.Failed(); err != nil {
		r.log.Warn("the run that was cut off cannot be used further", "error", err)
		r.resumed = nil
	}
	if !b.First {
		return nil
	}
	t := &target{folder: b.Folder}
	if r.adopting != nil {
		t.foreign = r.adopting.foreign.In(b.Folder)
	}
	b.Folder.Data = t
	r.targets.Store(t, nil)
	if b.Folder.Parent == nil {
		if r.partial.Tree != nil {
			t.dir, err = r.partial.Tree.Descend(".")
		}
		if err == nil && r.previousTree != nil {
			t.previous, err = r.previousTree.Descend(".")
		}
		if err == nil && r.resumedTree != nil {
			t.resumed, err = r.resumedTree.Descend(".")
		}
		return err
	}
	parent := b.Folder.Parent.Data.(*target)
	name := b.Folder.Name()
	switch {
	case r.adopting != nil:
		t.dir, err = parent.dir.Open(name)
	case r.Env.DryRun:
	default:
		t.dir, err = parent.dir.Mkdir(name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", b.Folder.Path, err)
	}
	// A folder that is not there, or not a folder, has nothing to link to.
	if parent.previous != nil && p.previous.Folder.Chunk != nil {
		t.previous, _ = parent.previous.Open(name)
	}
	if parent.resumed != nil && p.resumed.Folder.Chunk != nil {
		t.resumed, _ = parent.resumed.Open(name)
	}
	return nil
}

// finishTo finishes the folders that t does not lie in, all with nil, and opens
// t where it is new.
func (r *run) finishTo(t *target) error {
	for len(r.open) > 0 {
		last := r.open[len(r.open)-1]
		if t != nil && (last == t || last.folder == t.folder.Parent) {
			break
		}
		if err := r.finish(last); err != nil {
			return fmt.Errorf("%s: %w", last.entry.Path, err)
		}
		r.targets.Delete(last)
		last.close()
		r.open = r.open[:len(r.open)-1]
	}
	if t != nil && (len(r.open) == 0 || r.open[len(r.open)-1] != t) {
		r.open = append(r.open, t)
	}
	return nil
}

// finish gives the folder the metadata of its source.
func (r *run) finish(t *target) error {
	if r.adopting != nil || r.Env.DryRun {
		return nil // it has them, or there is none
	}
	return r.notKept(&t.entry, t.dir.Finish(&t.entry))
}
