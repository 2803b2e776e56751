package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"

	"phlb/engine/catalog"
	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// partialTree is the tree of a backup: it stores and links entries in the partial.
type partialTree struct {
	*run
	noLink sync.Once // guards the warning that a link cannot be made
}

// errFolder is the error of every entry in a folder that the root cannot hold.
var errFolder = errors.New("its folder cannot be stored")

// absent returns the result of an entry that could not be made under the root. Where
// the root cannot hold the entry, the manifest records it as absent.
func absent(e manifest.Entry, err error) (result, error) {
	if err = content.Refuse(&e, err); !content.IsRefused(err) {
		return result{}, err
	}
	e.Absent, e.Stored, e.Digest = true, nil, manifest.Digest{}
	return result{entry: &e, outcome: stored}, err
}

func (p *partialTree) enter(f, above *folder) (err error) {
	switch {
	case above == nil:
		f.dir, err = p.partial.Tree.Descend(".")
	case above.dir == nil:
		err = content.FromSource("store", f.source.Spell(), &content.Refused{Err: errFolder})
	default:
		f.dir, err = above.dir.Mkdir(f.source.Name())
		if err != nil {
			own := f.source.Entry.Entry
			own.Path = f.source.Spell()
			err = content.Refuse(&own, err)
		}
	}
	return err
}

func (p *partialTree) describe(f *folder) error {
	if f.dir == nil {
		f.entry.Absent, f.same = true, false
		return nil
	}
	return p.keepTime(&f.entry, p.partial.Foresee)
}

func (p *partialTree) save(t *task, e *walk.Entry, at parent.Position) (result, error) {
	if t.folder.dir == nil {
		t.parent.entry = at.EntryOf(e)
		return absent(e.Entry, content.FromSource("store", e.Path, &content.Refused{Err: errFolder}))
	}
	return t.saveFromSource(e, at)
}

func (p *partialTree) create(t *task, e *manifest.Entry, write func(*store.File) error) error {
	err := p.tryCreate(t, e, write)
	if p.rootIsFull(err) && p.makeRoom() {
		return p.tryCreate(t, e, write)
	}
	return err
}

func (p *partialTree) tryCreate(t *task, e *manifest.Entry, write func(*store.File) error) error {
	out, err := t.folder.dir.Create(t.name)
	if err != nil {
		return err
	}
	err = write(out)
	if err == nil {
		err = p.apply(e, out.Finish)
	}
	// Some file systems report only now that there was no room.
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		t.folder.dir.Remove(t.name) // else the manifest may not fit either
	}
	return err
}

// apply has set give what was made the metadata of e, as far as the root keeps it.
func (p *partialTree) apply(e *manifest.Entry, set func(*manifest.Entry) error) error {
	return p.losses.NotKept(e, p.keepTime(e, set))
}

// keepTime calls set with the time in e that the root keeps, and sets e.Stored where
// that is another one than e has.
func (p *partialTree) keepTime(e *manifest.Entry, set func(*manifest.Entry) error) error {
	mtime := e.Mtime
	e.Mtime = p.root.Keeps(mtime)
	err := set(e)
	if e.Mtime != mtime && e.Stored == nil {
		e.Stored = &manifest.Stored{Permissions: e.Permissions, Mtime: e.Mtime}
	}
	e.Mtime = mtime
	return err
}

// scratchName is the name of a worker's scratch file.
func scratchName(t *task) string { return fmt.Sprint("copy-", t.number) }

func (p *partialTree) scratch(t *task) (*store.File, error) {
	return p.partial.Scratch.Create(scratchName(t))
}

func (p *partialTree) keep(t *task, f *store.File, e *manifest.Entry) error {
	if err := p.apply(e, f.Finish); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// A rename would replace a file whose name differs in case alone, where the
	// file system takes both for one.
	return t.folder.dir.Link(p.partial.Scratch, scratchName(t), t.name)
}

func (p *partialTree) discard(t *task, f *store.File) {
	f.Close()
	p.partial.Scratch.Remove(scratchName(t))
}

func (p *partialTree) link(t *task, from *store.Dir, old string, _ store.Inode) error {
	err := t.folder.dir.Link(from, old, t.name)
	if errors.Is(err, store.ErrNoLink) {
		p.noLink.Do(func() {
			p.log.Warn("what a snapshot holds is stored anew, this and maybe more",
				"path", path.Join(t.batch.Path, t.name), "error", err)
		})
		return store.ErrLinkLimit
	}
	return err
}

func (p *partialTree) makeOther(t *task, e *manifest.Entry) error {
	err := p.apply(e, func(e *manifest.Entry) error { return t.folder.dir.Make(t.name, e) })
	if err != nil && !errors.Is(err, fs.ErrExist) { // it may have been made, without its metadata
		t.folder.dir.Remove(t.name)
	}
	return err
}

func (p *partialTree) finish(f *folder) error {
	if f.dir == nil {
		return nil
	}
	return p.apply(&f.entry, f.dir.Finish)
}

func (p *partialTree) seal(ctx context.Context, cat *catalog.Catalog, s *catalog.Snapshot) error {
	return p.sealAndTell(ctx, cat, s)
}

// makeRoom gives up what a run that was cut off has left: some of its files may be gone
// from the source. It reports whether that has freed room.
func (r *run) makeRoom() bool {
	r.room.Do(func() {
		if r.resumed.Dir != nil {
			r.log.Warn("no space left, what the run that was cut off has left is given up")
			r.madeRoom = r.partial.DropPrevious() == nil
		}
	})
	return r.madeRoom
}
