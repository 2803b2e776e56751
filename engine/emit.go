package engine

import (
	"errors"
	"fmt"

	"phlb/engine/catalog"
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

// outcome is how an entry came into the snapshot.
type outcome int

const (
	unchanged outcome = iota // linked to the snapshot before, unread
	linked                   // linked to content that was there
	stored                   // made anew
)

type result struct {
	entry    manifest.Entry
	id       walk.ID // where the source has several names for it, else zero
	outcome  outcome
	previous parent.Position // of the same path
	same     bool            // as there, by its mark: entry lacks what a look does not tell
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

// emit takes the batches in order, once they have been worked on.
func (r *run) emit(b *walk.Batch) error {
	p := b.Data.(*plan)
	for _, err := range b.Errors {
		var other *flaw
		if errors.As(err, &other) {
			r.log.Error("not as it was stored", "what", other.what, "error", err)
		} else {
			r.log.Error("cannot be read", "error", err)
		}
		if r.adopting != nil {
			r.adopting.unread(err)
		}
	}
	for _, err := range b.Warnings {
		r.log.Warn("ignore file", "error", err)
	}
	if r.naming {
		r.name(b, p)
	}
	r.splice.Follow(p.previous.Begun)
	r.summary.Errors += int64(len(b.Errors))
	r.Progress.Errors.Store(r.summary.Errors)
	r.summary.Skipped += int64(b.Skipped)
	t := b.Folder.Data.(*target)
	if err := r.finishTo(t); err != nil {
		return err
	}
	if b.First {
		if err := r.write(&t.entry, p.previous.Folder, t.same); err != nil {
			return err
		}
	}
	for i := range p.results {
		res := &p.results[i]
		if res.id != (walk.ID{}) {
			res.entry.Group = r.group(inodeVersion{res.id, res.entry.Digest})
		}
		if err := r.write(&res.entry, res.previous, res.same); err != nil {
			return err
		}
		r.count(res)
	}
	for _, at := range p.previous.Entries {
		if e := at.Entry(); e != nil { // no result took it: the path is no more
			if err := r.end(e); err != nil {
				return err
			}
		}
	}
	r.splice.Reuse()
	return nil
}

// inodeVersion is an inode with a content: it may change between two visits, or
// its number be given to another one.
type inodeVersion struct {
	id     walk.ID
	digest manifest.Digest
}

// group numbers the inodes that have several names, in the order of the walk.
func (r *run) group(v inodeVersion) int64 {
	n, ok := r.groups[v]
	if !ok {
		n = int64(len(r.groups) + 1)
		r.groups[v] = n
	}
	return n
}

// write appends an entry to the manifest, and tells the catalog if it is not
// what it was at a position in the manifest before.
func (r *run) write(e *manifest.Entry, at parent.Position, same bool) error {
	if r.adopting != nil {
		// Of the source nothing is known: a later run must not take its files
		// for unchanged by these.
		e.Ctime, e.Inode, e.Racy = manifest.Time{}, 0, false
	}
	r.summary.Entries++
	if same {
		return r.splice.Write(e, at, true)
	}
	previous := at.Entry()
	if err := r.splice.Write(e, at, previous != nil && e.Equal(previous)); err != nil {
		return err
	}
	if previous != nil {
		if catalog.Same(previous, e) {
			return nil
		}
		if err := r.end(previous); err != nil {
			return err
		}
	}
	return r.tellCatalog(e, (*catalog.Recorder).Add)
}

// end tells the catalog of a version that is no more.
func (r *run) end(e *manifest.Entry) error { return r.tellCatalog(e, (*catalog.Recorder).End) }

func (r *run) tellCatalog(e *manifest.Entry, what func(*catalog.Recorder, *manifest.Entry) error) error {
	r.recording.Lock()
	defer r.recording.Unlock()
	if r.record == nil {
		return nil
	}
	if err := what(r.record, e); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	return nil
}

func (r *run) count(res *result) {
	if res.entry.Kind != manifest.File {
		return
	}
	r.summary.Files++
	r.summary.Bytes += res.entry.Size
	switch res.outcome {
	case unchanged:
		r.summary.Unchanged++
	case linked:
		r.summary.Linked++
	case stored:
		r.summary.New++
		r.summary.NewBytes += res.entry.Size
	}
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

// name tells whoever listens how the paths of a batch fare: at the level of
// information those that fare otherwise than is usual, at that of debugging every
// path. A snapshot's own log holds none of them.
func (r *run) name(b *walk.Batch, p *plan) {
	log := r.Repository.Log
	for _, l := range b.Left {
		log.Info("skipped", "path", l.Path, "by", l.By)
	}
	if b.First {
		log.Debug("folder", "path", b.Folder.Path)
	}
	for i := range p.results {
		switch res := &p.results[i]; res.outcome {
		case linked:
			log.Info("linked to what is there", "path", res.entry.Path)
		case unchanged:
			log.Debug("unchanged", "path", res.entry.Path)
		case stored:
			log.Debug("new", "path", res.entry.Path)
		}
	}
}
