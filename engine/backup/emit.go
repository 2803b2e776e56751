package backup

import (
	"errors"
	"fmt"
	"strings"

	"phlb/engine/catalog"
	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/walk"
)

// outcome is how an entry came into the snapshot.
type outcome int

const (
	unchanged outcome = iota // linked to the snapshot before, unread
	linked                   // linked to content that was there
	stored                   // made anew
)

// result is an entry of the snapshot that is being made, and how the entry came into
// the snapshot.
type result struct {
	entry    *manifest.Entry // nil where the snapshot gets none
	id       walk.ID         // of an inode that has several names in the source, else zero
	outcome  outcome
	inParent parent.Position // where the parent's manifest has the path
	same     bool            // whether a mark vouches that the parent's manifest has the same entry; the fields that only the manifest tells are empty in entry then
}

// emit writes a batch to the manifest and tells the catalog what has changed. It is
// called in order, once the batch has been worked on.
func (r *run) emit(b *walk.Batch) error {
	p := b.Data.(*plan)
	for _, err := range b.Errors {
		var other *flaw
		var no *content.Refused
		switch {
		case errors.As(err, &other):
			r.log.Error("not as it was stored", "what", other.what, "error", err)
		case errors.Is(err, errSameName):
			r.log.Error("stored under another name", "error", err)
		case errors.As(err, &no):
			r.log.Error("the backup root cannot hold it", "error", err)
		default:
			r.log.Error("cannot be read", "error", err)
		}
		if r.onUnread != nil {
			r.onUnread(err)
		}
	}
	for _, err := range b.Warnings {
		r.log.Warn("ignore file", "error", err)
	}
	if r.logsPaths {
		r.logBatch(b, p)
	}
	r.output.splice.Follow(p.parent.Begun)
	r.output.summary.Errors += int64(len(b.Errors))
	r.Progress.Errors.Store(r.output.summary.Errors)
	r.output.summary.Skipped += int64(b.Skipped)
	r.output.summary.Folders += int64(b.Folders)
	t := b.Folder.Data.(*folder)
	if err := r.finishTo(t); err != nil {
		return err
	}
	if b.First {
		if err := r.write(&t.entry, p.parent.Folder, t.same); err != nil {
			return err
		}
		t.entry.Path = "" // until the folder is full, see finishTo
	}
	for i := range p.results {
		res := &p.results[i]
		if res.id != (walk.ID{}) {
			res.entry.Group = r.group(inodeVersion{res.id, res.entry.Digest})
		}
		if err := r.write(res.entry, res.inParent, res.same); err != nil {
			return err
		}
		r.count(res)
	}
	for _, at := range p.parent.Entries {
		if e := at.Entry(); e != nil { // no result took the entry: the path is gone
			if err := r.end(e); err != nil {
				return err
			}
		}
	}
	r.output.splice.Reuse()
	return nil
}

// inodeVersion is an inode of the source with one content. Between the visits of two
// of its names the inode may change, or another file may get its number.
type inodeVersion struct {
	id     walk.ID
	digest manifest.Digest
}

// group returns the number of an inode that has several names. Numbers are given in
// the order of the walk.
func (r *run) group(v inodeVersion) int64 {
	n, ok := r.output.groups[v]
	if !ok {
		n = int64(len(r.output.groups) + 1)
		r.output.groups[v] = n
	}
	return n
}

// write appends an entry to the manifest, and tells the catalog of the entry if the
// parent's manifest has another one at that position, or none.
func (r *run) write(e *manifest.Entry, at parent.Position, same bool) error {
	r.output.summary.Entries++
	if same {
		return r.output.splice.Write(e, at, true)
	}
	old := at.Entry()
	if err := r.output.splice.Write(e, at, old != nil && e.Equal(old)); err != nil {
		return err
	}
	if old != nil {
		if catalog.Same(old, e) {
			return nil
		}
		if err := r.end(old); err != nil {
			return err
		}
	}
	return r.tellCatalog(e, (*catalog.Recorder).Add)
}

// end tells the catalog that the version in the parent's manifest has ended.
func (r *run) end(e *manifest.Entry) error { return r.tellCatalog(e, (*catalog.Recorder).End) }

func (r *run) tellCatalog(e *manifest.Entry, what func(*catalog.Recorder, *manifest.Entry) error) error {
	r.changes.mu.Lock()
	defer r.changes.mu.Unlock()
	if r.changes.recorder == nil {
		return nil
	}
	if err := what(r.changes.recorder, e); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	return nil
}

func (r *run) count(res *result) {
	if res.entry.Kind != manifest.File || res.entry.Absent {
		return
	}
	r.output.summary.Files++
	r.output.summary.Bytes += res.entry.Size
	switch res.outcome {
	case unchanged:
		r.output.summary.Unchanged++
	case linked:
		r.output.summary.Linked++
	case stored:
		r.output.summary.New++
		r.output.summary.NewBytes += res.entry.Size
	}
}

// logBatch logs what became of the paths of a batch: paths that were skipped or linked
// to other paths at the level info, all others at the level debug.
func (r *run) logBatch(b *walk.Batch, p *plan) {
	log := r.pathLog
	for _, l := range b.Left {
		what := "skipped"
		if strings.HasSuffix(l.Path, "/") {
			what = "skipped folder"
		}
		log.Info(what, "path", l.Path, "by", l.By)
	}
	if b.First {
		log.Debug("folder", "path", b.Path)
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
