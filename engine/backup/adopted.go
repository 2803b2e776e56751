package backup

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/content"
	"phlb/engine/foreign"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// adoptedTree is one that lies under the root already: it is read where it lies,
// and files of known content are replaced by links.
type adoptedTree struct {
	unwritten
	*run
	adoption *adoption // takes this tree, among others
	ref      store.Ref
	tool     foreign.Tool           // the tool that wrote the tree
	cutOff   bool                   // whether the tool's run was cut off, or left out files
	changing bool                   // whether somebody is still writing the tree
	names    *repository.NameCounts // what the links of a dry run would change; nil where links are made
}

// begin locks the name and opens the tree.
func (a *adoptedTree) begin(ctx context.Context) (err error) {
	if a.Env.DryRun {
		if err := a.Rehearsal.Keep(a.Env.TempDir); err != nil {
			return err
		}
		a.Rehearsal.Show(a.root) // also the trees that were planned a moment before
		a.names = &repository.NameCounts{}
		a.partial, err = a.root.PlanAdoption(a.ref, a.Rehearsal.Dir)
		return err
	}
	if a.lock, err = a.root.LockName(ctx, a.ref.Name, a.Owner(), a.Env.Wait); err != nil {
		return err
	}
	if a.partial, err = a.root.Adopt(a.ref); err != nil {
		a.lock.Unlock()
	}
	return err
}

func (a *adoptedTree) enter(t, above *target) (err error) {
	t.foreign = a.tool.In(t.folder)
	if above == nil {
		t.dir, err = a.partial.Tree.Descend(".")
	} else {
		t.dir, err = above.dir.Open(t.folder.Name())
	}
	return err
}

func (a *adoptedTree) describe(t *target) error {
	forgetSource(&t.entry)
	return nil
}

// forgetSource leaves out by what a later run would know an unchanged file of the
// source: nothing is known of the source that an adopted tree was made from.
func forgetSource(e *manifest.Entry) { e.Ctime, e.Inode, e.Racy = manifest.Time{}, 0, false }

func (a *adoptedTree) bring(t *task, e *walk.Entry, _ parent.Position) (res result, err error) {
	switch {
	case e.Kind != manifest.File:
		res = result{entry: e.Entry, outcome: stored}
		res.entry.Xattrs, err = t.target.folder.Dir.Xattrs(t.name)
		err = content.FromSource("read attributes", e.Path, a.seen(&res.entry, err)) // no reason to do without the rest
	case a.isTools(t, e):
		return result{}, nil
	default:
		res, err = a.file(t, e)
	}
	forgetSource(&res.entry)
	return res, err
}

// isTools reports whether e is a file of the tool that wrote the tree. It notes
// the files that this one holds the digest of, and that are no longer there.
func (a *adoptedTree) isTools(t *task, e *walk.Entry) bool {
	own, lost := t.target.foreign.Owns(e.Name())
	for _, name := range lost {
		t.batch.Errors = append(t.batch.Errors, &fs.PathError{
			Op: "verify", Path: path.Join(t.batch.Path, name), Err: &flaw{repository.Missing, "its digest is there, the file is not"},
		})
	}
	return own
}

// seal makes a snapshot of the tree where it lies.
func (a *adoptedTree) seal(ctx context.Context, cat *catalog.Catalog, s *catalog.Snapshot) error {
	if a.names != nil {
		a.Rehearsal.Add(a.partial, a.names)
		return nil
	}
	return a.sealAndTell(ctx, cat, s)
}

// started returns the time of the tree: what its folder's name says, else when the
// folder was last changed.
func (a *adoptedTree) started() (time.Time, error) {
	var others []string
	if a.tool != "" {
		others = append(others, foreign.Layout)
	}
	if t, ok := a.TimeOf(a.ref.Stamp, others...); ok {
		return t, nil
	}
	self, err := a.partial.Tree.Self()
	return self.Mtime.Time(), err
}

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
func (a *adoptedTree) sweep(_ int, e *walk.Entry) (wanted bool, err error) {
	if e.Kind != manifest.File || e.Nlink == 1 || !store.IsTemp(e.Name()) {
		return true, nil
	}
	if a.names != nil {
		return false, nil
	}
	folder, err := a.partial.Tree.Descend(e.Folder())
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

// file takes a regular file where it lies.
func (a *adoptedTree) file(t *task, e *walk.Entry) (result, error) {
	res := result{entry: e.Entry, outcome: stored}
	f, err := t.target.folder.Dir.File(t.name)
	if err != nil {
		return result{}, content.FromSource("open", e.Path, err)
	}
	defer f.Close()
	res.entry.Xattrs, err = f.Xattrs()
	if err = a.seen(&res.entry, err); err != nil {
		return result{}, content.FromSource("read attributes", e.Path, err)
	}
	stated := t.target.foreign.Digest(t.name)
	t.read = inodeRead{e.ID(), e.Size, e.Mtime}
	found, err := a.digestsOf(t, f, e, stated)
	if err != nil {
		return result{}, err
	}
	res.entry.Digest = found.SHA256
	a.adoption.report.Count(func(r *repository.Report) { r.Files++ })
	switch {
	case found.Differs(stated) != "":
		return res, content.FromSource("verify", e.Path, &flaw{repository.Content, found.Differs(stated)})
	case stated.Sum == nil && a.cutOff:
		return res, content.FromSource("verify", e.Path, &flaw{repository.Incomplete, "may have been cut off: the tool that stored it left no digest"})
	}
	return t.place(res.entry, func(*manifest.Entry) error { return nil }) // the file is there
}

// digestsOf returns the digests of a file, also by the algorithm that a tool has
// used. Names of one inode wait for each other, so that it is read once.
func (a *adoptedTree) digestsOf(t *task, f *walk.File, e *walk.Entry, also content.Stated) (*content.Digests, error) {
	one := &a.adoption.reading[e.Inode%uint64(len(a.adoption.reading))]
	one.Lock()
	defer one.Unlock()
	if known, ok := a.adoption.digests.Load(t.read); ok {
		if found := known.(*content.Digests); also.Sum == nil || found.By(also.Algorithm) != nil {
			a.Progress.Bytes.Add(e.Size)
			return found, nil
		}
	}
	n, found, err := t.worker.ReadDigests(t.ctx, f, e, also.Algorithm, &a.Progress.Bytes)
	if err != nil {
		return nil, err
	}
	// Its change time moves when we link to it under another name.
	if now, err := f.Stat(); err != nil || n != e.Size || now.Size != e.Size || now.Mtime != e.Mtime {
		return nil, content.FromSource("read", e.Path, errChanging)
	}
	a.adoption.digests.Store(t.read, &found)
	a.adoption.report.Count(func(r *repository.Report) { r.Read++; r.Bytes += n })
	return &found, nil
}

// link replaces the path by a link, unless it is one to that inode already.
func (a *adoptedTree) link(t *task, from *store.Dir, old string, to store.Inode) error {
	own, err := t.target.dir.Look(t.name)
	if err != nil {
		return err
	}
	if own.SameAs(&to) {
		return nil
	}
	if now := (inodeRead{idOf(own), own.Size, own.Mtime}); now != t.read {
		return content.FromSource("replace", path.Join(t.batch.Path, t.name), errChanging)
	}
	if a.names != nil {
		a.names.Add(idOf(to), 1)
		left := int64(own.Links) + a.Rehearsal.Names.Of(idOf(own)) + a.names.Add(idOf(own), -1)
		a.adoption.report.Count(func(r *repository.Report) { r.CountReplaced(own.Size, left) })
		return nil
	}
	err = t.target.dir.Replace(from, old, t.name)
	// At once, so that it is not lost if we are killed, and also where the folder was
	// changed and then something failed.
	kept := t.target.dir.SetMtime(t.target.folder.Mtime)
	if errors.Is(err, store.ErrNoLink) || errors.Is(err, fs.ErrPermission) { // as good a copy as any
		err = store.ErrLinkLimit
	}
	if err = cmp.Or(err, kept); err != nil {
		return err
	}
	a.adoption.report.Count(func(r *repository.Report) { r.CountReplaced(own.Size, int64(own.Links)-1) })
	return nil
}

// unread reports what could not be taken. What has vanished was seen a moment
// before.
func (a *adoptedTree) unread(err error) {
	if errors.Is(err, errChanging) || errors.Is(err, fs.ErrNotExist) {
		a.changing = true
	}
	name, what := a.ref.String(), repository.Unreadable
	var other *flaw
	if errors.As(err, &other) {
		what = other.what
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		name, err = path.Join(name, at.Path), at.Err
	}
	a.adoption.report.Add(name, what, "%v", err)
}

// flaw is what is the matter with a file other than that it cannot be read.
type flaw struct {
	what   string // one of the problems that [repository.Problem] lists
	detail string
}

func (f *flaw) Error() string { return f.detail }
