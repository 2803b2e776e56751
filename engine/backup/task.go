package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

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
		if err := r.folder(b, t, p); err != nil {
			return err
		}
	}
	p.results = slices.Grow(p.results, len(b.Entries))
	task := &task{run: r, ctx: ctx, worker: r.workers[worker], scratch: fmt.Sprint("copy-", worker), target: t}
	for i := range b.Entries {
		e := &b.Entries[i]
		if r.isForeign(t, b, e) {
			continue
		}
		at := p.previous.At(e)
		task.name, task.resumed = b.Names[e.At], p.resumed.At(e).Entry()
		res, err := task.do(e, at)
		if e.Kind == manifest.File {
			r.Progress.Files.Add(1)
		}
		if err != nil {
			var source *content.SourceError
			if !errors.As(err, &source) {
				return fmt.Errorf("%s: %w", e.Path, err)
			}
			b.Errors = append(b.Errors, source.Err)
			if res.entry.Path == "" {
				continue
			}
		}
		if res.same || task.previous != nil {
			res.previous = at
			p.previous.Entries[e.At] = parent.Position{} // taken, see emit
		}
		if e.Nlink > 1 && r.adopting == nil { // there, links may be of our own making
			res.id = e.ID()
		}
		p.results = append(p.results, res)
	}
	return nil
}

// folder takes the entry of the batch's own folder.
func (r *run) folder(b *walk.Batch, t *target, p *plan) error {
	t.entry = b.Folder.Entry.Entry
	if r.adopting == nil && !r.Env.DryRun {
		if err := r.partial.Foresee(t.dir, &t.entry); err != nil {
			return fmt.Errorf("%s: %w", t.entry.Path, err)
		}
	}
	at := p.previous.Folder
	if at.Mark().Vouches(&t.entry, t.entry.InSnapshot().Mtime) {
		if xattrs, err := b.Folder.Dir.Xattrs(""); err == nil {
			t.entry.Xattrs, t.same = xattrs, true
			return nil
		}
	}
	old := at.EntryOf(&b.Folder.Entry)
	if old == nil && at.Chunk != nil { // another one, which is no more
		p.previous.Folder = parent.Position{}
		p.previous.Entries = append(p.previous.Entries, at)
	}
	if old != nil && r.sameAs(old, &b.Folder.Entry) && r.Config.Unchanged.Has(config.Ctime) {
		t.entry.Xattrs = old.Xattrs
		return nil
	}
	var err error
	if t.entry.Xattrs, err = b.Folder.Dir.Xattrs(""); err != nil {
		b.Errors = append(b.Errors, &fs.PathError{Op: "read attributes", Path: t.entry.Path, Err: err})
	}
	t.entry.Racy = r.racy(&t.entry, r.Env.Now())
	return nil
}

// sameAs reports whether the source entry e is what old says it was, so far as
// is configured to be looked at. Owner and mode always are.
func (r *run) sameAs(old *manifest.Entry, e *walk.Entry) bool {
	u := r.Config.Unchanged
	return old.Kind == e.Kind && !old.Racy && old.Size == e.Size && old.Mtime == e.Mtime &&
		old.Permissions == e.Permissions &&
		(!u.Has(config.Ctime) || old.Ctime == e.Ctime) &&
		(!u.Has(config.Inode) || old.Inode == e.Inode)
}

// racy reports whether e was changed so short a time before it was looked at
// that a further change could have left its times as they are. The clock that
// a kernel stamps files with advances in ticks of up to 10 ms, and some file
// systems keep whole seconds (FAT: two) only. A modification time that is days
// ahead was set by hand, and a further change would end that.
func (r *run) racy(e *manifest.Entry, looked time.Time) bool {
	tick := 20 * time.Millisecond
	if e.Mtime.Nsec == 0 && e.Ctime.Nsec == 0 {
		tick = 2 * time.Second
	}
	limit, ahead := manifest.TimeOf(looked.Add(-tick)), manifest.TimeOf(looked.AddDate(0, 0, 2))
	return !e.Ctime.Before(limit) || !e.Mtime.Before(limit) && e.Mtime.Before(ahead)
}

// task brings one entry into the snapshot.
type task struct {
	*run
	ctx      context.Context
	worker   *content.Worker
	scratch  string // the name of a copy that may not be wanted
	target   *target
	name     string
	previous *manifest.Entry // of the same path in the snapshot before, or nil
	resumed  *manifest.Entry // in the run that was cut off, or nil
	adopted  inodeRead       // of the file that is adopted
}

// do brings in the entry, which the manifest before has at that position, maybe.
func (t *task) do(e *walk.Entry, at parent.Position) (result, error) {
	t.previous = nil
	if t.adopting != nil && e.Kind == manifest.File {
		return t.adopt(e)
	}
	if res, err := t.carryMarked(e, at.Mark()); err != nil || res.same {
		return res, err
	}
	t.previous = at.EntryOf(e)
	if t.isUnchanged(e, t.previous) {
		res, err := t.carry(e, t.previous, t.target.previous)
		if err != nil || res.entry.Path != "" {
			return res, err
		}
	}
	if t.rebooted && t.resumed != nil && !(t.isUnchanged(e, t.resumed) && t.trusted()) {
		t.resumed = nil // nor is it linked to for its content
	}
	if t.isUnchanged(e, t.resumed) {
		res, err := t.carry(e, t.resumed, t.target.resumed)
		if err != nil || res.entry.Path != "" {
			if err == nil && e.Kind == manifest.File {
				res.outcome = linked
				err = t.known.add(&res.entry)
			}
			return res, err
		}
	}
	if e.Nlink > 1 && t.adopting == nil {
		return t.sibling(e)
	}
	return t.take(e)
}

// isUnchanged reports whether the entry is what old says it was. Attributes are
// only read where the change time does not vouch for them.
func (t *task) isUnchanged(e *walk.Entry, old *manifest.Entry) bool {
	if old == nil || !t.sameAs(old, e) {
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
	from := t.target.previous
	if mark == 0 || from == nil || e.Nlink > 1 {
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

// carry links the entry to that of an earlier tree. Where that is not what was
// stored there, it returns no result.
func (t *task) carry(e *walk.Entry, old *manifest.Entry, from *store.Dir) (result, error) {
	if from == nil && !t.unread || old.Absent || t.known.isDamaged(old.Digest) {
		return result{}, nil
	}
	if !t.agrees(old.InSnapshot(), old.Xattrs, old) {
		return result{}, nil // shared when less had to agree
	}
	if t.unread {
		return t.carryPlanned(e, old), nil
	}
	inode, err := from.Look(t.name)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return result{}, err
	case err != nil || !inode.Holds(old):
		var in store.Ref
		if from == t.target.previous {
			in = t.before
		}
		t.noteChanged(inode, in, old.Path)
		return result{}, nil
	}
	if ok, err := t.linkUnread(e, from, inode); err != nil || !ok {
		return result{}, err
	}
	res := result{entry: *old, outcome: unchanged}
	res.entry.Ctime, res.entry.Inode = e.Ctime, e.Inode
	res.entry.Group = 0
	return res, nil
}

// linkUnread links the entry to that of its name in from. It reports whether
// that can be.
func (t *task) linkUnread(e *walk.Entry, from *store.Dir, inode store.Inode) (bool, error) {
	switch err := t.link(from, t.name, inode); {
	case errors.Is(err, store.ErrLinkLimit), errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	t.Progress.Bytes.Add(e.Size)
	return true, nil
}

// noteChanged warns of a file of a snapshot, or with a zero ref of a run that was
// cut off, that is not what was stored: once, however many snapshots share it.
func (r *run) noteChanged(inode store.Inode, in store.Ref, name string) {
	at := name
	if in != (store.Ref{}) {
		at = path.Join(in.String(), name)
	}
	var what any = walk.ID{Dev: inode.Dev, Inode: inode.Ino}
	if inode.Ino == 0 { // it is gone
		what = at
	}
	if _, said := r.changed.LoadOrStore(what, true); !said {
		r.log.Warn("file was changed inside a snapshot, it is not linked to", "path", at)
	}
}

// trusted reports whether the file of the run that was cut off is what its
// manifest says. After a power loss only its content can tell.
func (t *task) trusted() bool {
	if !t.rebooted || t.resumed.Kind != manifest.File {
		return true
	}
	if t.target.resumed == nil {
		return false
	}
	d, err := t.worker.HashStored(t.ctx, t.target.resumed, t.name)
	return err == nil && d == t.resumed.Digest
}

// makeRoom gives up what a run that was cut off has left, for what it holds may
// not be wanted any more. It reports whether there was anything.
func (r *run) makeRoom() bool {
	r.room.Do(func() {
		if r.resumedTree != nil {
			r.log.Warn("no space left, what the run that was cut off has left is given up")
			r.madeRoom = r.partial.DropPrevious() == nil
		}
	})
	return r.madeRoom
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
	ok, err := t.linkTo(candidate{
		tree: func() (*store.Dir, error) { return t.partial.Tree.Descend(".") },
		path: l.entry.Path, size: own.Size, stored: own.InSnapshot(), xattrs: own.Xattrs, planned: t.Env.DryRun,
	}, &own)
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
	unread := content.FromSource("read attributes", e.Path, err) // no reason to do without the rest
	res.entry.Xattrs = xattrs
	if t.adopting != nil {
		return res, unread
	}
	res.entry.Racy = t.racy(&res.entry, t.Env.Now()) || unread != nil
	if t.Env.DryRun {
		return res, unread
	}
	err = t.target.dir.Make(t.name, &res.entry)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		// A device, as an ordinary user, or what the file system has no room for in
		// its format: recorded, for a restore to where it can be.
		res.entry.Absent = true
		return res, unread
	}
	if err := t.notKept(&res.entry, err); err != nil {
		return res, err
	}
	return res, unread
}

// notKept logs metadata that the root cannot hold, and lets other errors pass.
func (r *run) notKept(e *manifest.Entry, err error) error {
	var lost *store.NotKept
	if errors.As(err, &lost) {
		r.log.Debug("metadata is in the manifest only", "path", e.Path, "what", lost.What, "error", lost.Err)
		return nil
	}
	return err
}
