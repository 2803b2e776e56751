package restore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// folder is a directory of the snapshot that is being restored. It is open as
// long as somebody holds it: the reader of the manifest, every batch of its
// entries, and every directory in it.
//
// In place of its path its entry holds its name alone: folders in one another would
// spell out the same names over and over. See [folder.path].
type folder struct {
	entry    manifest.Entry
	parent   *folder
	up       *folder // what it lies in in the target: the parent, or for the base the landing
	name     string  // there
	isBase   bool    // it is what alone is meant
	inside   bool    // it is, or it lies in there
	excluded bool
	selected bool // with all that it holds, but what is excluded

	state     state
	made      bool       // it was not there
	fresh     bool       // or it was empty
	finish    bool       // its metadata is to be the snapshot's
	bequeaths bool       // see [store.Dir.Bequeaths]
	to        *store.Dir // in the target; nil in a dry run if it is not there
	tried     bool       // to open from
	from      *walk.Dir  // in the snapshot; nil if it is not there
	denied    error      // why it is not known to be there
	names     map[string]bool
	renamed   bool // it, or one that it lies in, has another name than in the snapshot
	batch     *batch

	mu      sync.Mutex
	old     map[string]bool // what lay there and has not been come to yet; nil where that is not known
	beside  []string        // names that entries got whose own were taken
	holders atomic.Int32
}

// state is how far a folder has come in the target.
type state int

const (
	unopened state = iota
	opened
	kept   // something else lies there, and stays
	failed // it cannot be made, which has been reported
)

// path returns the path of the folder in the snapshot, put together from the names
// that lead there.
func (f *folder) path() string {
	if f.parent == nil {
		return "."
	}
	var names []string
	for at := f; at.parent != nil; at = at.parent {
		names = append(names, at.entry.Path)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// close releases what the folder holds. Its name stays: what lies in it may be told
// of later.
func (f *folder) close() {
	if f.to != nil {
		f.to.Close()
	}
	if f.from != nil {
		f.from.Close()
	}
	f.to, f.from, f.names, f.old, f.beside = nil, nil, nil, nil, nil
}

// batch is some entries of a folder, for one worker.
type batch struct {
	folder  *folder
	entries []manifest.Entry
	bytes   int64
}

// A batch is full with so many entries or bytes.
const (
	batchEntries = 128
	batchBytes   = 1 << 20
)

// enter opens the folder, or makes it if it is to be restored itself.
func (r *restore) enter(f *folder) {
	f.holders.Store(1)
	if f.parent != nil {
		f.parent.holders.Add(1)
		f.parent.know(f.entry.Path)
		r.flush(f.parent)
	}
	f.up, f.name = f.parent, f.entry.Path
	if f.isBase {
		f.up, f.name = r.landing, r.as
	}
	if !f.inside || f.excluded {
		return
	}
	if r.Delete {
		f.names = map[string]bool{}
	}
	if f.selected || r.Delete {
		r.open(f, f.selected)
	}
}

// know notes a name that the snapshot has in f.
func (f *folder) know(name string) {
	if f.names != nil {
		f.names[strings.Clone(name)] = true // else it would hold the whole path
	}
}

// entry takes an entry of f, which may be on its way to what is meant.
func (r *restore) entry(f *folder, e *manifest.Entry, selected bool) {
	f.know(e.Name())
	if !selected || !r.disarm(e) {
		return
	}
	at := f
	if e.Path == r.selection.base {
		at = r.landing
	} else {
		r.open(f, true)
	}
	switch at.state {
	case kept:
		r.passed(e)
		r.skip(e.Path)
		return
	case failed:
		r.passed(e)
		r.Progress.Errors.Add(1)
		r.count(func(done *Restored) { done.Errors++ })
		return
	}
	if e.Kind == manifest.File && e.Size > 0 {
		r.source(f)
	}
	if f.batch == nil {
		f.batch = &batch{folder: f}
	}
	b := f.batch
	b.entries = append(b.entries, *e)
	if b.bytes += e.Size + int64(len(e.Path)); len(b.entries) == batchEntries || b.bytes >= batchBytes {
		r.flush(f)
	}
}

// flush hands the batch of f to a worker.
func (r *restore) flush(f *folder) {
	b := f.batch
	f.batch = nil
	if b == nil {
		return
	}
	f.holders.Add(1)
	select {
	case r.todo <- b:
	case <-r.ctx.Done():
		r.release(f)
	}
}

func (r *restore) leave(f *folder) {
	r.flush(f)
	r.release(f)
}

// release finishes the folder once nobody holds it any more.
func (r *restore) release(f *folder) {
	for ; f != nil && f.holders.Add(-1) == 0; f = f.parent {
		if f.state == opened && f.to != nil {
			if err := r.finish(f); err != nil {
				r.failed(f.path(), err)
			}
		}
		f.close()
	}
}

// failed notes an error of the target about a path; one that is of all the
// target ends the restore.
func (r *restore) failed(path string, err error) {
	switch {
	case r.ctx.Err() != nil: // an error ends it already
	case content.IsTrouble(err):
		r.cancel(fmt.Errorf("%s: %w", path, err))
	default:
		r.fail(path, Unwritable, "%s", reason(err))
	}
}

// source opens the folder in the snapshot. What it should hold is missing if it
// cannot be opened, or denied.
func (r *restore) source(f *folder) *walk.Dir {
	if f.tried {
		return f.from
	}
	f.tried = true
	in, name := r.tree, "."
	if f.parent != nil {
		in, name = r.source(f.parent), f.entry.Path
	}
	if in != nil {
		var err error
		if f.from, err = in.Open(name); errors.Is(err, fs.ErrPermission) {
			f.denied = &damage{Denied, reason(err)}
		}
	} else if f.parent != nil {
		f.denied = f.parent.denied
	}
	return f.from
}

// open opens the folder in the target, never through a symbolic link. It makes
// it if it is missing and wanted.
func (r *restore) open(f *folder, wanted bool) {
	if f.state != unopened {
		return
	}
	if f.up != r.landing {
		r.open(f.up, wanted)
	}
	if f.up.state != opened {
		f.state = f.up.state
		return
	}
	f.renamed = f.up.renamed
	there, err := f.up.look(f.name)
	if err == nil && there != nil && f.up.taken(f.name, there) {
		there, err = r.renameFolder(f)
	}
	if err == nil && there != nil && there.Kind != manifest.Dir {
		if !wanted {
			return
		}
		if !r.replaces(&f.entry, there) {
			r.fail(f.path(), InTheWay, "a %v lies there, all that the directory holds is left out", there.Kind)
			f.state = kept
			return
		}
		if !r.Dry {
			err = f.up.to.Remove(f.name)
		}
		there = nil
	}
	switch {
	case err != nil:
	case there != nil:
		err = r.enterOld(f, there)
	case wanted:
		err = r.makeFolder(f)
	default:
		return
	}
	f.state = opened
	if err != nil {
		r.failed(f.path(), err)
		f.state = failed
	}
}

// look returns what is called name in the folder, nil if nothing is.
func (f *folder) look(name string) (*store.Inode, error) {
	if f.fresh || f.to == nil {
		return nil, nil
	}
	there, err := f.to.Look(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return &there, err
}

// enterOld opens a folder that is there.
func (r *restore) enterOld(f *folder, there *store.Inode) (err error) {
	if f.to, err = f.up.to.Open(f.name); err != nil {
		return err
	}
	own, err := f.to.Self()
	if err != nil {
		return err
	}
	if r.rootID.Is(walk.ID{Dev: own.Dev, Inode: own.Ino}) {
		return ErrIntoRoot
	}
	f.bequeaths = f.to.Bequeaths()
	f.made = false
	names, err := f.to.Names()
	if err != nil && f.selected {
		return err
	}
	if f.selected {
		names = r.leftovers.sweep(f.to, names)
	}
	if err == nil {
		f.old = map[string]bool{}
	}
	for _, name := range names {
		f.old[name] = true
	}
	if f.selected {
		f.fresh = len(names) == 0
		f.finish = f.fresh || r.replaces(&f.entry, there)
	}
	return nil
}

func (r *restore) makeFolder(f *folder) (err error) {
	f.made, f.fresh, f.finish = true, true, true
	if !r.Dry {
		f.to, err = f.up.to.Mkdir(f.name)
		if errors.Is(err, fs.ErrExist) {
			if there, err := r.renameFolder(f); err != nil || there != nil {
				return cmp.Or(err, r.enterOld(f, there))
			}
			f.to, err = f.up.to.Mkdir(f.name)
		}
		if err != nil {
			return err
		}
		if f.up.bequeaths {
			if err := f.to.Disinherit("."); err != nil {
				return err
			}
		}
	}
	r.count(func(done *Restored) { done.Folders++ })
	r.Log.Debug("restored", "path", f.path())
	return nil
}

// finish gives the folder its metadata, after all that changes its time.
func (r *restore) finish(f *folder) error {
	// What was not read to its end must not be taken for all there is.
	if f.names != nil && r.ctx.Err() == nil {
		if err := r.deleteExtra(f); err != nil {
			return err
		}
	}
	if r.Dry || !f.finish {
		return nil
	}
	if !f.made {
		if err := f.surplus(); err != nil {
			return err
		}
	}
	return r.notKept(f.path(), f.to.Finish(&f.entry))
}

// surplus removes the attributes that a folder had before.
func (f *folder) surplus() error {
	there, err := f.to.Entry(".")
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, x := range f.entry.Xattrs {
		own[x.Name] = true
	}
	for _, x := range there.Xattrs {
		if own[x.Name] {
			continue
		}
		// Others than these are given by the system, as labels are.
		if strings.HasPrefix(x.Name, "user.") || strings.HasPrefix(x.Name, "system.posix_acl_") {
			if err := f.to.RemoveXattr(".", x.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
