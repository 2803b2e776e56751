package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"phlb/engine/config"
	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// work brings the entries of a batch into the snapshot. It is called from
// several goroutines.
func (r *run) work(ctx context.Context, worker int, b *walk.Batch) error {
	p := b.Data.(*plan)
	t := b.Folder.Data.(*target)
	if b.First {
		r.folder(b, t, p)
		if err := r.tree.describe(t); err != nil {
			return fmt.Errorf("%s: %w", t.entry.Path, err)
		}
	}
	p.results = slices.Grow(p.results, len(b.Entries))
	task := &task{
		run: r, ctx: ctx, batch: b, target: t, number: worker, worker: r.workers[worker],
		previous: origin{earlier: &r.previous, dir: t.previous}, resumed: origin{earlier: &r.resumed, dir: t.resumed},
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		at := p.previous.At(e)
		task.name, task.previous.entry, task.resumed.entry = b.Names[e.At], nil, p.resumed.At(e).Entry()
		res, err := r.tree.bring(task, e, at)
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
		if res.entry.Path == "" {
			continue
		}
		if res.same || task.previous.entry != nil {
			res.previous = at
			p.previous.Entries[e.At] = parent.Position{} // a result has it, see emit
		}
		p.results = append(p.results, res)
	}
	return nil
}

// folder takes the entry of the batch's own folder.
func (r *run) folder(b *walk.Batch, t *target, p *plan) {
	own := b.Folder.Entry
	own.Path = b.Path
	t.entry = own.Entry
	at := p.previous.Folder
	if at.Mark().Vouches(&t.entry, t.entry.InSnapshot().Mtime) {
		if xattrs, err := b.Folder.Dir.Xattrs(""); err == nil {
			t.entry.Xattrs, t.same = xattrs, true
			return
		}
	}
	old := at.EntryOf(&own)
	if old == nil && at.Chunk != nil { // the entry of another folder, which is no more
		p.previous.Folder = parent.Position{}
		p.previous.Entries = append(p.previous.Entries, at)
	}
	if old != nil && !r.previous.stranger && parent.Unchanged(r.Config.Unchanged, old, &own) && r.Config.Unchanged.Has(config.Ctime) {
		t.entry.Xattrs = old.Xattrs
		return
	}
	var err error
	t.entry.Xattrs, err = b.Folder.Dir.Xattrs("")
	t.entry.Racy = parent.Racy(&t.entry, r.Env.Now())
	if err = r.seen(&t.entry, err); err != nil {
		b.Errors = append(b.Errors, &fs.PathError{Op: "read attributes", Path: t.entry.Path, Err: err})
	}
}

// task brings entries of a batch into the snapshot, one after the other.
type task struct {
	*run
	ctx      context.Context
	batch    *walk.Batch
	target   *target // the folder of the batch
	number   int     // of the worker, from 0
	worker   *content.Worker
	name     string    // of the entry at hand
	previous origin    // what the snapshot before has under the path, once that is known
	resumed  origin    // what the run that was cut off has under the path
	read     inodeRead // the file at hand, as it was read: of an adopted tree alone
}

// bringFromSource brings in an entry of a source that is not the tree itself,
// which the parent's manifest may hold at that position.
func (t *task) bringFromSource(e *walk.Entry, at parent.Position) (res result, err error) {
	if res, err = t.carryMarked(e, at.Mark()); err != nil || res.same {
		return res, err
	}
	defer func() {
		if e.Nlink > 1 {
			res.id = e.ID()
		}
	}()
	t.previous.entry = at.EntryOf(e)
	if t.isUnchanged(e, t.previous) {
		if res, err := t.carry(e, t.previous); err != nil || res.entry.Path != "" {
			return res, err
		}
	}
	if t.resumed.doubted && t.resumed.entry != nil && !(t.isUnchanged(e, t.resumed) && t.isIntact(t.resumed)) {
		t.resumed.entry = nil // nor is it linked to for its content
	}
	if t.isUnchanged(e, t.resumed) {
		res, err := t.carry(e, t.resumed)
		if err == nil && res.entry.Path != "" && e.Kind == manifest.File {
			res.outcome = linked
			err = t.known.Add(&res.entry)
		}
		if err != nil || res.entry.Path != "" {
			return res, err
		}
	}
	if e.Nlink > 1 {
		return t.sibling(e)
	}
	return t.take(e)
}

// isUnchanged reports whether the entry is what an earlier manifest says it was.
// Attributes are only read where the change time does not vouch for them.
func (t *task) isUnchanged(e *walk.Entry, from origin) bool {
	old := from.entry
	if old == nil || from.stranger || !parent.Unchanged(t.Config.Unchanged, old, e) {
		return false
	}
	if t.Config.Unchanged.Has(config.Ctime) {
		return true
	}
	xattrs, err := t.target.folder.Dir.Xattrs(t.name)
	return err == nil && manifest.SameXattrs(xattrs, old.Xattrs)
}

// carryMarked links the entry to that of the snapshot before, if the mark vouches
// for both. Otherwise it returns no result.
func (t *task) carryMarked(e *walk.Entry, mark manifest.Mark) (result, error) {
	from := t.previous.dir
	if mark == 0 || from == nil || e.Nlink > 1 || t.previous.stranger {
		return result{}, nil
	}
	inode, err := from.Look(t.name)
	if err != nil || !inode.Is(e.Kind, e.Size) || !mark.Vouches(&e.Entry, inode.Mtime) {
		return result{}, nil // carry tells what it is
	}
	if !t.agrees(manifest.Stored{Permissions: e.Permissions, Mtime: inode.Mtime}, nil, &e.Entry) {
		return result{}, nil
	}
	res := result{entry: e.Entry, outcome: unchanged}
	res.same, err = t.linkUnread(e, from, inode)
	return res, err
}

// carry links the entry to what an earlier tree has under its path. Where that is
// not what was stored there, it returns no result.
func (t *task) carry(e *walk.Entry, from origin) (result, error) {
	old := from.entry
	if from.dir == nil && !from.planned || old.Absent || t.known.IsDamaged(old.Digest) {
		return result{}, nil
	}
	if !t.agrees(old.InSnapshot(), old.Xattrs, old) {
		return result{}, nil // shared when less had to agree
	}
	res := result{entry: *old, outcome: unchanged}
	res.entry.Ctime, res.entry.Inode, res.entry.Group = e.Ctime, e.Inode, 0
	if from.planned { // two runs were planned, and the file has not changed since the first
		t.Progress.Bytes.Add(e.Size)
		return res, nil
	}
	inode, err := from.dir.Look(t.name)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return result{}, err
	case err != nil || !inode.Holds(old):
		t.noteChanged(inode, from.ref, old.Path)
		return result{}, nil
	}
	if ok, err := t.linkUnread(e, from.dir, inode); err != nil || !ok {
		return result{}, err
	}
	return res, nil
}

// linkUnread links the entry to that of its name in from. It reports whether
// that can be.
func (t *task) linkUnread(e *walk.Entry, from *store.Dir, inode store.Inode) (bool, error) {
	if ok, err := t.linkIfPossible(from, t.name, inode); !ok {
		return false, err
	}
	t.Progress.Bytes.Add(e.Size)
	return true, nil
}

// linkIfPossible links the path of the task to what is called old in from, and
// reports whether that can be. Where the root cannot hold the path, making it anew
// tells.
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

// noteChanged warns of a file of a snapshot, or with a zero ref of a run that was
// cut off, that is not what was stored: once, however many snapshots share it.
func (r *run) noteChanged(inode store.Inode, in store.Ref, name string) {
	at := name
	if in != (store.Ref{}) {
		at = path.Join(in.String(), name)
	}
	var what any = idOf(inode)
	if inode.Ino == 0 { // it is gone
		what = at
	}
	if _, said := r.changed.LoadOrStore(what, true); !said {
		r.log.Warn("file was changed inside a snapshot, it is not linked to", "path", at)
	}
}

// isIntact reports whether a file of an earlier tree has the content that its
// manifest says, which only reading tells.
func (t *task) isIntact(from origin) bool {
	if from.entry.Kind != manifest.File {
		return true
	}
	if from.dir == nil {
		return false
	}
	inode, err := from.dir.Look(t.name)
	return err == nil && inode.Kind == manifest.File && t.holds(from.dir, t.name, inode, from.entry.Digest)
}

// sibling brings in one of several names of an inode.
func (t *task) sibling(e *walk.Entry) (result, error) {
	l, first := t.links.follow(e.ID())
	if first {
		res, err := t.take(e)
		if res.entry.Path != "" {
			l.entry = &res.entry
		}
		close(l.done)
		return res, err
	}
	select {
	case <-l.done:
	case <-t.ctx.Done():
		return result{}, context.Cause(t.ctx)
	}
	if l.entry == nil || l.entry.Absent {
		return t.take(e)
	}
	own := *l.entry
	if own.Size != e.Size || own.Mtime != e.Mtime || own.Ctime != e.Ctime {
		return t.take(e) // changed, or another file that has got the inode's number
	}
	own.Path = e.Path
	ok, err := t.linkTo(t.known.OwnCandidate(l.entry), &own)
	if err != nil {
		return result{}, err
	}
	if !ok {
		return t.take(e)
	}
	t.Progress.Bytes.Add(own.Size)
	return result{entry: own, outcome: linked}, nil
}

// take makes the entry anew, or links it to a content that is known.
func (t *task) take(e *walk.Entry) (result, error) {
	if e.Kind == manifest.File {
		return t.file(e)
	}
	res := result{entry: e.Entry, outcome: stored}
	xattrs, err := t.target.folder.Dir.Xattrs(t.name)
	res.entry.Xattrs = xattrs
	res.entry.Racy = parent.Racy(&res.entry, t.Env.Now())
	unread := content.FromSource("read attributes", e.Path, t.seen(&res.entry, err)) // no reason to do without the rest
	if err := t.tree.other(t, &res.entry); err != nil {
		return absent(res.entry, err)
	}
	return res, unread
}
