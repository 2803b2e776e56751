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

// result is an entry of the snapshot that is being made, and how it came there.
type result struct {
	entry    manifest.Entry
	id       walk.ID // where the source has several names for it, else zero
	outcome  outcome
	previous parent.Position // where the parent's manifest has the path
	same     bool            // whether a mark vouches that the parent's manifest has the same entry; entry then holds what a look at the source tells, and no more
}

// emit takes the batches in order, once they have been worked on.
func (r *run) emit(b *walk.Batch) error {
	p := b.Data.(*plan)
	for _, err := range b.Errors {
		var other *flaw
		var no *content.Refused
		switch {
		case errors.As(err, &other):
			r.log.Error("not as it was stored", "what", other.what, "error", err)
		case errors.As(err, &no):
			r.log.Error("the backup root cannot hold it", "error", err)
		default:
			r.log.Error("cannot be read", "error", err)
		}
		if r.unread != nil {
			r.unread(err)
		}
	}
	for _, err := range b.Warnings {
		r.log.Warn("ignore file", "error", err)
	}
	if r.naming {
		r.name(b, p)
	}
	r.output.splice.Follow(p.previous.Begun)
	r.output.summary.Errors += int64(len(b.Errors))
	r.Progress.Errors.Store(r.output.summary.Errors)
	r.output.summary.Skipped += int64(b.Skipped)
	r.output.summary.Folders += int64(b.Folders)
	t := b.Folder.Data.(*target)
	if err := r.finishTo(t); err != nil {
		return err
	}
	if b.First {
		if err := r.write(&t.entry, p.previous.Folder, t.same); err != nil {
			return err
		}
		t.entry.Path = "" // until the folder is full, see finishTo
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
	r.output.splice.Reuse()
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
	n, ok := r.output.groups[v]
	if !ok {
		n = int64(len(r.output.groups) + 1)
		r.output.groups[v] = n
	}
	return n
}

// write appends an entry to the manifest, and tells the catalog if it is not
// what it was at a position in the manifest before.
func (r *run) write(e *manifest.Entry, at parent.Position, same bool) error {
	r.output.summary.Entries++
	if same {
		return r.output.splice.Write(e, at, true)
	}
	previous := at.Entry()
	if err := r.output.splice.Write(e, at, previous != nil && e.Equal(previous)); err != nil {
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

// name tells whoever listens how the paths of a batch fare: at the level of
// information those that fare otherwise than is usual, at that of debugging every
// path. A snapshot's own log holds them where it is to hold what is for debugging.
func (r *run) name(b *walk.Batch, p *plan) {
	log := r.paths
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
