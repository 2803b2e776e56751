package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"phlb/engine/config"
	"phlb/engine/content"
	"phlb/engine/known"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// work saves the entries of a batch. It is called from several goroutines.
func (r *run) work(ctx context.Context, worker int, b *walk.Batch) error {
	p := b.Data.(*plan)
	t := b.Folder.Data.(*folder)
	if b.First {
		r.lookAtFolder(b, t, p)
		if err := r.tree.describe(t); err != nil {
			return fmt.Errorf("%s: %w", t.entry.Path, err)
		}
		noteRenamed(b, &t.entry)
	}
	p.results = slices.Grow(p.results, len(b.Entries))
	task := &task{
		run: r, ctx: ctx, batch: b, folder: t, number: worker, worker: r.workers[worker],
		parent: origin{Tree: &r.parent, dir: t.parent}, resumed: origin{Tree: &r.resumed, dir: t.resumed},
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		at := p.parent.At(e)
		task.name, task.parent.entry, task.resumed.entry = b.Names[e.At], nil, p.resumed.At(e).Entry()
		task.source = cmp.Or(e.SourceName, task.name)
		res, err := r.tree.save(task, e, at)
		if e.Kind == manifest.File {
			r.Progress.Files.Add(1)
		}
		if err != nil {
			var source *content.SourceError
			if !errors.As(err, &source) {
				return fmt.Errorf("%s: %w", e.Path, err)
			}
			b.Errors = append(b.Errors, source.Err)
		}
		if res.entry == nil {
			continue
		}
		if err == nil {
			noteRenamed(b, res.entry)
		}
		if res.same || task.parent.entry != nil {
			res.inParent = at
			p.parent.Entries[e.At] = parent.Position{} // a result has taken it, see emit
		}
		p.results = append(p.results, res)
	}
	return nil
}

// lookAtFolder sets the entry of the batch's folder.
func (r *run) lookAtFolder(b *walk.Batch, f *folder, p *plan) {
	own := b.Folder.Entry
	own.Path = b.Path
	f.entry = own.Entry
	at := p.parent.Folder
	if at.Mark().Vouches(&f.entry, f.entry.InSnapshot().Mtime) {
		if xattrs, err := b.Folder.Dir.Xattrs(""); err == nil {
			f.entry.Xattrs, f.same = xattrs, true
			return
		}
	}
	old := at.EntryOf(&own)
	if old == nil && at.Chunk != nil { // the entry of another folder, which is gone
		p.parent.Folder = parent.Position{}
		p.parent.Entries = append(p.parent.Entries, at)
	}
	if old != nil && !r.parent.OtherHost && parent.Unchanged(r.Config.Unchanged, old, &own) && r.Config.Unchanged.Has(config.Ctime) {
		f.entry.Xattrs = old.Xattrs
		return
	}
	var err error
	f.entry.Xattrs, err = b.Folder.Dir.Xattrs("")
	f.entry.Racy = parent.Racy(&f.entry, r.Env.Now())
	if err = r.losses.Unread(&f.entry, err); err != nil {
		b.Errors = append(b.Errors, &fs.PathError{Op: "read attributes", Path: f.entry.Path, Err: err})
	}
}

// task saves the entries of a batch, one after the other.
type task struct {
	*run
	ctx     context.Context
	batch   *walk.Batch
	folder  *folder // the folder of the batch
	number  int     // of the worker, from 0
	worker  *content.Worker
	name    string        // of the entry that is being saved
	source  string        // its name in the source
	parent  origin        // what the parent has under the path of the entry, once that is known
	resumed origin        // what a run that was cut off has left under the path of the entry
	read    known.Version // the file that is being saved, as it was read; of an adopted tree alone
}

// origin is what a tree that the run may link to has under the path of a task.
type origin struct {
	*parent.Tree
	entry *manifest.Entry // nil where the manifest does not have the path
	dir   *store.Dir      // the folder of the path; nil where the tree does not have it
}

// saveFromSource saves an entry of a source that is not itself the tree. at is where
// the parent's manifest may hold the entry.
func (t *task) saveFromSource(e *walk.Entry, at parent.Position) (result, error) {
	if res, err := t.linkMarked(e, at.Mark()); err != nil || res.same {
		return res, err
	}
	res, err := t.saveUnmarked(e, at)
	if e.Nlink > 1 {
		res.id = e.ID()
	}
	return res, err
}

// saveUnmarked saves an entry for which no mark vouches.
func (t *task) saveUnmarked(e *walk.Entry, at parent.Position) (result, error) {
	t.parent.entry = at.EntryOf(e)
	if t.isUnchanged(e, t.parent) {
		res, err := t.linkUnchanged(e, t.parent)
		if err == nil && res.outcome == linked { // by a digest that the catalog does not know
			err = t.known.Add(res.entry)
		}
		if err != nil || res.entry != nil {
			return res, err
		}
	}
	if t.resumed.Doubted && t.resumed.entry != nil && !(t.isUnchanged(e, t.resumed) && t.isIntact(t.resumed)) {
		t.resumed.entry = nil // so that it is not linked to for its content either
	}
	if t.isUnchanged(e, t.resumed) {
		res, err := t.linkUnchanged(e, t.resumed)
		if err == nil && res.entry != nil && e.Kind == manifest.File {
			res.outcome = linked
			err = t.known.Add(res.entry)
		}
		if err != nil || res.entry != nil {
			return res, err
		}
	}
	if e.Nlink > 1 {
		return t.saveHardlink(e)
	}
	return t.saveNew(e)
}

// isUnchanged reports whether the entry of the source is what the manifest of an
// earlier tree says. Attributes are only read where the change time does not vouch for
// them.
func (t *task) isUnchanged(e *walk.Entry, from origin) bool {
	old := from.entry
	if old == nil || from.OtherHost || old.SourceName != e.SourceName || !parent.Unchanged(t.Config.Unchanged, old, e) {
		return false
	}
	if t.Config.Unchanged.Has(config.Ctime) {
		return true
	}
	xattrs, err := t.folder.source.Dir.Xattrs(t.source)
	return err == nil && manifest.SameXattrs(xattrs, old.Xattrs)
}

// linkMarked links the entry to the file of the parent under the same path, if the
// mark in the parent's manifest vouches for both. Otherwise it returns the zero result.
func (t *task) linkMarked(e *walk.Entry, mark manifest.Mark) (result, error) {
	from := t.parent.dir
	if mark == 0 || from == nil || e.Nlink > 1 || t.parent.OtherHost || e.Kind == manifest.File && t.parent.Cursor.Header.Hash != t.hash {
		return result{}, nil
	}
	inode, err := from.Look(t.name)
	if err != nil || !inode.Is(e.Kind, e.Size) || !mark.Vouches(&e.Entry, inode.Mtime) {
		return result{}, nil // linkUnchanged finds out what is the matter
	}
	if !t.agrees(manifest.Stored{Permissions: e.Permissions, Mtime: inode.Mtime}, nil, &e.Entry) {
		return result{}, nil
	}
	if ok, err := t.linkUnread(e, from, inode); err != nil || !ok {
		return result{}, err
	}
	return result{entry: &e.Entry, outcome: unchanged, same: true}, nil
}

// linkUnchanged links the entry to the file of an earlier tree under the same path.
// Where that file is not what was stored, it returns the zero result. Where the digest
// of that file is by another algorithm than those of this run, the file is read.
func (t *task) linkUnchanged(e *walk.Entry, from origin) (result, error) {
	old := from.entry
	if from.dir == nil && !from.Planned || old.Absent || t.known.IsDamaged(old.Digest) {
		return result{}, nil
	}
	if !t.agrees(old.InSnapshot(), old.Xattrs, old) {
		return result{}, nil // the files share an inode by an earlier setting of match
	}
	own := *old
	own.Ctime, own.Inode, own.Group = e.Ctime, e.Inode, 0
	res := result{entry: &own, outcome: unchanged}
	if from.Planned { // a dry run of two backups, and the file is the same in both
		t.Progress.Bytes.Add(e.Size)
		return res, nil
	}
	inode, err := from.dir.Look(t.name)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return result{}, err
	case err != nil || !inode.Holds(old):
		t.known.NoteChanged(inode, from.Ref, old.Path)
		return result{}, nil
	}
	if old.Kind == manifest.File && old.Digest.Algorithm() != t.hash {
		digest, ok := t.known.Convert(t.ctx, t.worker, from.dir, t.name, inode, old.Digest, t.hash)
		if err := context.Cause(t.ctx); err != nil {
			return result{}, err
		}
		if !ok {
			t.known.NoteChanged(inode, from.Ref, old.Path)
			return result{}, nil
		}
		own.Digest, res.outcome = digest, linked
	}
	if ok, err := t.linkUnread(e, from.dir, inode); err != nil || !ok {
		return result{}, err
	}
	return res, nil
}

// linkUnread links the entry to the file of the same name in from, if that is
// possible, and reports whether it is.
func (t *task) linkUnread(e *walk.Entry, from *store.Dir, inode store.Inode) (bool, error) {
	if ok, err := t.linkIfPossible(from, t.name, inode); !ok {
		return false, err
	}
	t.Progress.Bytes.Add(e.Size)
	return true, nil
}

// linkIfPossible links the path of the task to the file called old in from, and
// reports whether it has. It returns no error where the root cannot hold the path: to
// store the path anew then fails with that error.
func (t *task) linkIfPossible(from *store.Dir, old string, inode store.Inode) (bool, error) {
	err := t.tree.link(t, from, old, inode)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, store.ErrLinkLimit) || errors.Is(err, fs.ErrNotExist) || content.IsRefused(content.Refuse(&manifest.Entry{Kind: inode.Kind}, err)) {
		return false, nil
	}
	return false, err
}

// isIntact reads a file of an earlier tree, and reports whether it has the content
// that the manifest of that tree says.
func (t *task) isIntact(from origin) bool {
	if from.entry.Kind != manifest.File {
		return true
	}
	if from.dir == nil {
		return false
	}
	inode, err := from.dir.Look(t.name)
	return err == nil && inode.Kind == manifest.File && t.known.Holds(t.ctx, t.worker, from.dir, t.name, inode, from.entry.Digest)
}

// saveHardlink saves one of several names of an inode.
func (t *task) saveHardlink(e *walk.Entry) (result, error) {
	leader, first := t.hardlinks.LeaderOf(e.ID())
	if first {
		res, err := t.saveNew(e)
		leader.Stored(res.entry)
		return res, err
	}
	stored, err := leader.Wait(t.ctx)
	if err != nil {
		return result{}, err
	}
	if stored == nil || stored.Absent || stored.Size != e.Size || stored.Mtime != e.Mtime || stored.Ctime != e.Ctime {
		return t.saveNew(e) // changed, or another file that has got the inode's number
	}
	own := *stored
	own.Path, own.SourceName = e.Path, e.SourceName
	ok, err := t.linkTo(t.known.OwnCandidate(stored), &own)
	if err != nil {
		return result{}, err
	}
	if !ok {
		return t.saveNew(e)
	}
	t.Progress.Bytes.Add(own.Size)
	return result{entry: &own, outcome: linked}, nil
}

// saveNew saves an entry that is new, or not known to be unchanged: it links a file to
// a known file of the same content, and makes everything else anew.
func (t *task) saveNew(e *walk.Entry) (result, error) {
	if e.Kind == manifest.File {
		return t.saveFile(e)
	}
	own := e.Entry
	xattrs, err := t.folder.source.Dir.Xattrs(t.source)
	own.Xattrs = xattrs
	own.Racy = parent.Racy(&own, t.Env.Now())
	unread := content.FromSource("read attributes", e.Path, t.losses.Unread(&own, err)) // no reason to do without the rest
	if err := t.tree.makeOther(t, &own); err != nil {
		return absent(own, err)
	}
	return result{entry: &own, outcome: stored}, unread
}
