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
	"phlb/engine/known"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// adoptedTree is a tree that lies under the root without a manifest. Its files are read
// where they lie, and files of known content are replaced by links.
type adoptedTree struct {
	unwritten
	*run
	adoption *adoption // the adoption of this tree and others
	ref      store.Ref
	tool     foreign.Tool           // the tool that wrote the tree; "" where that is not known
	cutOff   bool                   // whether the tool's run was cut off, or left out files
	changing bool                   // whether the tree changed while it was read
	names    *repository.NameCounts // how many names links would give to inodes, in a dry run; nil where links are made
}

// begin locks the name and opens the tree.
func (a *adoptedTree) begin(ctx context.Context) (err error) {
	if a.Env.DryRun {
		if err := a.Rehearsal.Keep(a.Env.TempDir); err != nil {
			return err
		}
		a.Rehearsal.Show(a.root) // with the trees that this dry run has planned to adopt
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

func (a *adoptedTree) enter(f, above *folder) (err error) {
	f.foreign = a.tool.In(f.source)
	if above == nil {
		f.dir, err = a.partial.Tree.Descend(".")
	} else {
		f.dir, err = above.dir.Open(f.source.Name())
	}
	return err
}

func (a *adoptedTree) describe(f *folder) error {
	forgetSource(&f.entry)
	return nil
}

// forgetSource clears the fields by which a later run would know that a file of the
// source is unchanged. Nothing is known of the source of an adopted tree.
func forgetSource(e *manifest.Entry) { e.Ctime, e.Inode, e.Racy = manifest.Time{}, 0, false }

func (a *adoptedTree) save(t *task, e *walk.Entry, _ parent.Position) (res result, err error) {
	switch {
	case e.Kind != manifest.File:
		own := e.Entry
		own.Xattrs, err = t.folder.source.Dir.Xattrs(t.name)
		err = content.FromSource("read attributes", e.Path, a.losses.Unread(&own, err)) // no reason to do without the rest
		res = result{entry: &own, outcome: stored}
	case a.isTools(t, e):
		return result{}, nil
	default:
		res, err = a.saveFile(t, e)
	}
	if res.entry != nil {
		forgetSource(res.entry)
	}
	return res, err
}

// isTools reports whether e is a file of the tool that wrote the tree, and not of the
// source. Such a file may hold digests of files that are missing, which are reported.
func (a *adoptedTree) isTools(t *task, e *walk.Entry) bool {
	own, lost := t.folder.foreign.Owns(e.Name())
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

// started returns when the snapshot was started: the time in the name of its folder, or
// else when the folder was last changed.
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

// sweep is a rule of the walk that removes temporary names: an adoption that was killed
// may have left a further name of a file in the tree.
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

// removeIn removes a name from a folder, and gives the folder back its time.
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

// errChanging is the error of a file of a tree to which somebody is still writing.
var errChanging = errors.New("changes while it is read")

// saveFile reads a regular file where it lies, and replaces it by a link to a known file
// of the same content, if there is one.
func (a *adoptedTree) saveFile(t *task, e *walk.Entry) (result, error) {
	f, err := t.folder.source.Dir.File(t.name)
	if err != nil {
		return result{}, content.FromSource("open", e.Path, err)
	}
	defer f.Close()
	own := e.Entry
	own.Xattrs, err = f.Xattrs()
	if err = a.losses.Unread(&own, err); err != nil {
		return result{}, content.FromSource("read attributes", e.Path, err)
	}
	stated := t.folder.foreign.Digest(t.name)
	t.read = known.Version{ID: e.ID(), Size: e.Size, Mtime: e.Mtime}
	found, err := a.digestsOf(t, f, e, stated)
	if err != nil {
		return result{}, err
	}
	own.Digest = found.Own
	a.adoption.report.Count(func(r *repository.Report) { r.Files++ })
	switch {
	case found.Differs(stated) != "":
		return result{entry: &own, outcome: stored}, content.FromSource("verify", e.Path, &flaw{repository.Content, found.Differs(stated)})
	case stated.Sum == nil && a.cutOff:
		return result{entry: &own, outcome: stored}, content.FromSource("verify", e.Path, &flaw{repository.Incomplete, "may have been cut off: the tool that stored it left no digest"})
	}
	return t.linkOrCreate(own, func(*manifest.Entry) error { return nil }) // the file is there
}

// digestsOf returns the digests of a file: by the algorithm of the run, and by the algorithm of the
// digest that a tool has stated. An inode is read once: tasks with other names of the
// inode wait.
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
	// The change time is not compared: it moves when another task links to the file.
	if now, err := f.Stat(); err != nil || n != e.Size || now.Size != e.Size || now.Mtime != e.Mtime {
		return nil, content.FromSource("read", e.Path, errChanging)
	}
	a.adoption.digests.Store(t.read, &found)
	a.adoption.report.Count(func(r *repository.Report) { r.Read++; r.Bytes += n })
	return &found, nil
}

// link replaces the path of the task by a link to an inode, unless it is a name of that
// inode already.
func (a *adoptedTree) link(t *task, from *store.Dir, old string, to store.Inode) error {
	own, err := t.folder.dir.Look(t.name)
	if err != nil {
		return err
	}
	if own.SameAs(&to) {
		return nil
	}
	if now := known.VersionOf(own); now != t.read {
		return content.FromSource("replace", path.Join(t.batch.Path, t.name), errChanging)
	}
	if a.names != nil {
		a.names.Add(known.IDOf(to), 1)
		left := int64(own.Links) + a.Rehearsal.Names.Of(known.IDOf(own)) + a.names.Add(known.IDOf(own), -1)
		a.adoption.report.Count(func(r *repository.Report) { r.CountReplaced(own.Size, left) })
		return nil
	}
	err = t.folder.dir.Replace(from, old, t.name)
	// The time is set at once, so that a kill does not lose it, and also after an error,
	// since the folder may have been changed before the error.
	kept := t.folder.dir.SetMtime(t.folder.source.Mtime)
	if errors.Is(err, store.ErrNoLink) || errors.Is(err, fs.ErrPermission) { // the file of this path is as good a copy
		err = store.ErrLinkLimit
	}
	if err = cmp.Or(err, kept); err != nil {
		return err
	}
	a.adoption.report.Count(func(r *repository.Report) { r.CountReplaced(own.Size, int64(own.Links)-1) })
	return nil
}

// unread reports a file that could not be read, or is not what the tool has stored. A
// file that has vanished was there when its folder was listed: the tree is changing.
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

// flaw is the error of a file that can be read, and is not what was stored.
type flaw struct {
	what   string // as in [repository.Problem]
	detail string
}

func (f *flaw) Error() string { return f.detail }
