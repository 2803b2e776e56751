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

// folder is a directory of the snapshot that is being restored. It stays open as long as
// somebody holds it: the reader of the manifest, every batch of its entries, and every
// directory in it.
//
// The path in entry is only the name of the folder: many folders in one another would
// repeat the same names. The method path puts the names together.
type folder struct {
	entry    manifest.Entry
	parent   *folder // the folder around it in the snapshot; nil for the top
	outer    *folder // the folder around it in the target: parent, or landing for the base
	name     string  // in outer: that in the source, which may not be that in the snapshot
	isBase   bool    // whether it is the base of the selection
	inBase   bool    // whether it is the base, or lies in it
	excluded bool    // whether it is left out, with all that it holds
	selected bool    // whether it is restored, with all that it holds but what is excluded

	state        state
	made         bool            // whether this restore has made it in the target
	wasEmpty     bool            // whether it was made, or was empty before
	setsMetadata bool            // whether it gets the metadata of the snapshot
	bequeaths    bool            // see [store.Dir.Bequeaths]
	renamed      bool            // whether it, or a folder around it, has another name in the target than in the snapshot
	dir          *store.Dir      // in the target; nil in a dry run where it is not there
	sourceTried  bool            // whether openSource was called
	source       *walk.Dir       // in the tree of the snapshot; nil where it is not there
	sourceError  error           // why source could not be opened
	names        map[string]bool // the names that the snapshot has in it; nil where nothing is deleted
	batch        *batch          // the entries that no worker has yet

	mu        sync.Mutex
	unclaimed map[string]bool // names that lay there before and that no entry has taken yet; nil where that is not known
	beside    []string        // names of entries that were restored under another name
	holders   atomic.Int32
}

// state says whether a folder is open in the target.
type state int

const (
	unopened state = iota
	opened
	kept   // something else lies at its path in the target, and stays
	failed // it could not be opened or made, which was reported
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

// close closes the directories of the folder. Its name stays, for messages.
func (f *folder) close() {
	if f.dir != nil {
		f.dir.Close()
	}
	if f.source != nil {
		f.source.Close()
	}
	f.dir, f.source, f.names, f.unclaimed, f.beside = nil, nil, nil, nil, nil
}

// batch is a list of entries of a folder, for one worker.
type batch struct {
	folder  *folder
	entries []manifest.Entry
	bytes   int64
}

// The limits of a batch.
const (
	batchEntries = 128
	batchBytes   = 1 << 20
)

// enter comes to a folder of the manifest. It opens the folder in the target if paths may
// be deleted there, and makes it if it is selected.
func (r *restore) enter(f *folder) {
	f.holders.Store(1)
	if f.parent != nil {
		f.parent.holders.Add(1)
		f.parent.noteName(f.name)
		r.flush(f.parent)
	}
	f.outer = f.parent
	if f.isBase {
		f.outer, f.name = r.landing, r.baseName
	}
	if !f.inBase || f.excluded {
		return
	}
	if r.Delete {
		f.names = map[string]bool{}
	}
	if f.selected || r.Delete {
		r.open(f, f.selected)
	}
}

// noteName notes a name that the snapshot has in f.
func (f *folder) noteName(name string) {
	if f.names != nil {
		f.names[strings.Clone(name)] = true // a part of the string would keep the whole path in memory
	}
}

// entry comes to an entry of f in the manifest, and adds it to the batch of f if it is
// selected.
func (r *restore) entry(f *folder, e *manifest.Entry, selected bool) {
	f.noteName(e.NameInSource())
	if !selected || !r.dropPrivileges(e) {
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
		r.countDone(e)
		r.skip(e.Path)
		return
	case failed:
		r.countDone(e)
		r.Progress.Errors.Add(1)
		r.count(func(done *Restored) { done.Errors++ })
		return
	}
	if e.Kind == manifest.File && e.Size > 0 {
		r.openSource(f)
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

// flush hands the batch of f to a worker, if there is one.
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

// leave ends a folder of the manifest.
func (r *restore) leave(f *folder) {
	r.flush(f)
	r.release(f)
}

// release finishes the folder, and those around it, once nobody holds them any more.
func (r *restore) release(f *folder) {
	for ; f != nil && f.holders.Add(-1) == 0; f = f.parent {
		if f.state == opened && f.dir != nil {
			if err := r.finish(f); err != nil {
				r.failed(f.path(), err)
			}
		}
		f.close()
	}
}

// failed reports that a path could not be restored. An error of the whole target ends
// the restore.
func (r *restore) failed(path string, err error) {
	switch {
	case r.ctx.Err() != nil: // an error ends it already
	case content.IsTrouble(err):
		r.cancel(fmt.Errorf("%s: %w", path, err))
	default:
		r.fail(path, Unwritable, "%s", reason(err))
	}
}

// openSource opens the folder in the tree of the snapshot. Where that fails, files in it
// are reported as missing, or as denied.
func (r *restore) openSource(f *folder) *walk.Dir {
	if f.sourceTried {
		return f.source
	}
	f.sourceTried = true
	in, name := r.tree, "."
	if f.parent != nil {
		in, name = r.openSource(f.parent), f.entry.Path
	}
	if in != nil {
		var err error
		if f.source, err = in.Open(name); errors.Is(err, fs.ErrPermission) {
			f.sourceError = &damage{Denied, reason(err)}
		}
	} else if f.parent != nil {
		f.sourceError = f.parent.sourceError
	}
	return f.source
}

// open opens the folder in the target, and not through a symbolic link. It makes a folder
// that is missing if wanted is true.
func (r *restore) open(f *folder, wanted bool) {
	if f.state != unopened {
		return
	}
	if f.outer != r.landing {
		r.open(f.outer, wanted)
	}
	if f.outer.state != opened {
		f.state = f.outer.state
		return
	}
	f.renamed = f.outer.renamed
	there, err := f.outer.look(f.name)
	if err == nil && there != nil && f.outer.taken(f.name, there) {
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
			err = f.outer.dir.Remove(f.name)
		}
		there = nil
	}
	switch {
	case err != nil:
	case there != nil:
		err = r.openExisting(f, there)
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

// look returns the inode called name in the folder of the target; nil for none.
func (f *folder) look(name string) (*store.Inode, error) {
	if f.wasEmpty || f.dir == nil {
		return nil, nil
	}
	there, err := f.dir.Look(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return &there, err
}

// openExisting opens a folder that is in the target already.
func (r *restore) openExisting(f *folder, there *store.Inode) (err error) {
	if f.dir, err = f.outer.dir.Open(f.name); err != nil {
		return err
	}
	own, err := f.dir.Self()
	if err != nil {
		return err
	}
	if r.rootID.Is(walk.ID{Dev: own.Dev, Inode: own.Ino}) {
		return ErrIntoRoot
	}
	f.bequeaths = f.dir.Bequeaths()
	f.made = false
	names, err := f.dir.Names()
	if err != nil && f.selected {
		return err
	}
	if f.selected {
		names = r.leftovers.sweep(f.dir, names)
	}
	if err == nil {
		f.unclaimed = map[string]bool{}
	}
	for _, name := range names {
		f.unclaimed[name] = true
	}
	if f.selected {
		f.wasEmpty = len(names) == 0
		f.setsMetadata = f.wasEmpty || r.replaces(&f.entry, there)
	}
	return nil
}

// makeFolder makes the folder in the target.
func (r *restore) makeFolder(f *folder) (err error) {
	f.made, f.wasEmpty, f.setsMetadata = true, true, true
	if !r.Dry {
		f.dir, err = f.outer.dir.Mkdir(f.name)
		if errors.Is(err, fs.ErrExist) {
			if there, err := r.renameFolder(f); err != nil || there != nil {
				return cmp.Or(err, r.openExisting(f, there))
			}
			f.dir, err = f.outer.dir.Mkdir(f.name)
		}
		if err != nil {
			return err
		}
		if f.outer.bequeaths {
			if err := f.dir.Disinherit("."); err != nil {
				return err
			}
		}
	}
	r.count(func(done *Restored) { done.Folders++ })
	r.Log.Debug("restored", "path", f.path())
	return nil
}

// finish deletes what the snapshot does not have in the folder, if asked to, and gives the
// folder its metadata. Nothing changes the time of the folder after that.
func (r *restore) finish(f *folder) error {
	// After an error the manifest may not have been read to its end: names would be missing.
	if f.names != nil && r.ctx.Err() == nil {
		if err := r.deleteExtra(f); err != nil {
			return err
		}
	}
	if r.Dry || !f.setsMetadata {
		return nil
	}
	if !f.made {
		if err := f.removeOtherXattrs(); err != nil {
			return err
		}
	}
	return r.notKept(f.path(), f.dir.Finish(&f.entry))
}

// removeOtherXattrs removes the attributes that the folder had before and the snapshot
// does not have.
func (f *folder) removeOtherXattrs() error {
	there, err := f.dir.Entry(".")
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
		// All other attributes are given by the system, such as security labels.
		if strings.HasPrefix(x.Name, "user.") || strings.HasPrefix(x.Name, "system.posix_acl_") {
			if err := f.dir.RemoveXattr(".", x.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
