package backup

import (
	"errors"
	"io/fs"
	"path"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// inodeRead tells apart what was read: the number of an inode that was replaced
// by a link may be given to another file at once. The change time is left out,
// for it moves with every link.
type inodeRead struct {
	id    walk.ID
	size  int64
	mtime manifest.Time
}

// sweep removes what an adoption that was killed has left in the tree: another
// name of a file that is there under its own.
func (r *run) sweep(_ int, e *walk.Entry) (wanted bool, err error) {
	if e.Kind != manifest.File || e.Nlink == 1 || !store.IsTemp(e.Name()) {
		return true, nil
	}
	if r.Env.DryRun {
		return false, nil
	}
	folder, err := r.partial.Tree.Descend(e.Folder())
	if err != nil {
		return false, err
	}
	defer folder.Close()
	return false, removeIn(folder, e.Name())
}

// removeIn leaves the time of the folder as it is.
func removeIn(folder *store.Dir, name string) error {
	self, err := folder.Self()
	if err == nil {
		err = folder.Remove(name)
	}
	if err != nil {
		return err
	}
	return folder.SetMtime(self.Mtime)
}

// errChanging is the error of a tree that somebody is still writing.
var errChanging = errors.New("changes while it is read")

// adopt takes a regular file of a tree where it lies.
func (t *task) adopt(e *walk.Entry) (result, error) {
	res := result{entry: e.Entry, outcome: stored}
	f, err := t.target.folder.Dir.File(t.name)
	if err != nil {
		return result{}, content.FromSource("open", e.Path, err)
	}
	defer f.Close()
	if res.entry.Xattrs, err = f.Xattrs(); err != nil {
		return result{}, content.FromSource("read attributes", e.Path, err)
	}
	stated := t.target.foreign.Digest(t.name)
	t.adopted = inodeRead{e.ID(), e.Size, e.Mtime}
	found, err := t.read(f, e, stated)
	if err != nil {
		return result{}, err
	}
	res.entry.Digest = found.SHA256
	t.adopting.report.Count(func(r *repository.Report) { r.Files++ })
	switch {
	case found.Differs(stated) != "":
		return res, content.FromSource("verify", e.Path, &flaw{repository.Content, found.Differs(stated)})
	case stated.Sum == nil && t.adopting.cutOff:
		return res, content.FromSource("verify", e.Path, &flaw{repository.Incomplete, "may have been cut off: the tool that stored it left no digest"})
	}
	return t.place(res.entry, func(*manifest.Entry) error { return nil }) // it is there
}

// read returns the digests of a file, also by the algorithm that a tool has used.
// Names of one inode wait for each other, so that it is read once.
func (t *task) read(f *walk.File, e *walk.Entry, also content.Stated) (*content.Digests, error) {
	a := t.adopting
	one := &a.reading[e.Inode%uint64(len(a.reading))]
	one.Lock()
	defer one.Unlock()
	if known, ok := a.digests.Load(t.adopted); ok {
		if found := known.(*content.Digests); also.Sum == nil || found.By(also.Algorithm) != nil {
			t.Progress.Bytes.Add(e.Size)
			return found, nil
		}
	}
	n, found, err := t.worker.ReadDigests(t.ctx, f, e, also.Algorithm, &t.Progress.Bytes)
	if err != nil {
		return nil, err
	}
	// Its change time moves when we link to it under another name.
	if now, err := f.Stat(); err != nil || n != e.Size || now.Size != e.Size || now.Mtime != e.Mtime {
		return nil, content.FromSource("read", e.Path, errChanging)
	}
	a.digests.Store(t.adopted, &found)
	a.report.Count(func(r *repository.Report) { r.Read++; r.Bytes += n })
	return &found, nil
}

// replace makes the path a link to what is called old in from, unless it is
// that already.
func (t *task) replace(from *store.Dir, old string, to store.Inode) error {
	own, err := t.target.dir.Look(t.name)
	if err != nil {
		return err
	}
	if own.Dev == to.Dev && own.Ino == to.Ino {
		return nil
	}
	if now := (inodeRead{walk.ID{Dev: own.Dev, Inode: own.Ino}, own.Size, own.Mtime}); now != t.adopted {
		return content.FromSource("replace", path.Join(t.target.folder.Path, t.name), errChanging)
	}
	if t.Env.DryRun {
		left := t.plannedReplace(to, own)
		t.adopting.report.Count(func(r *repository.Report) { r.CountReplaced(own.Size, left) })
		return nil
	}
	switch err := t.target.dir.Replace(from, old, t.name); {
	case errors.Is(err, store.ErrNoLink), errors.Is(err, fs.ErrPermission): // as good a copy as any
		return store.ErrLinkLimit
	case err != nil:
		return err
	}
	// At once, so that it is not lost if we are killed.
	if err := t.target.dir.SetMtime(t.target.folder.Mtime); err != nil {
		return err
	}
	t.adopting.report.Count(func(r *repository.Report) { r.CountReplaced(own.Size, int64(own.Links)-1) })
	return nil
}

// unread reports what could not be taken. What has vanished was seen a moment
// before.
func (a *adoption) unread(err error) {
	if errors.Is(err, errChanging) || errors.Is(err, fs.ErrNotExist) {
		a.changing = true
	}
	name, what := a.taking.String(), repository.Unreadable
	var other *flaw
	if errors.As(err, &other) {
		what = other.what
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		name, err = path.Join(name, at.Path), at.Err
	}
	a.report.Add(name, what, "%v", err)
}

// flaw is what is the matter with a file other than that it cannot be read.
type flaw struct {
	what   string // one of the constants of problems
	detail string
}

func (f *flaw) Error() string { return f.detail }

// isForeign reports whether e is a file of the tool that wrote the tree, and
// what that has lost.
func (r *run) isForeign(t *target, b *walk.Batch, e *walk.Entry) bool {
	if t.foreign == nil || e.Kind != manifest.File {
		return false
	}
	own, lost := t.foreign.Owns(e.Name())
	for _, name := range lost {
		b.Errors = append(b.Errors, &fs.PathError{
			Op: "verify", Path: path.Join(t.foreign.Path, name), Err: &flaw{repository.Missing, "its digest is there, the file is not"},
		})
	}
	return own
}
