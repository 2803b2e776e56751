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

// partialTree stores and links under the root, in the partial of the run.
type partialTree struct {
	*run
	noLink sync.Once // guards the warning that links cannot be made
}

// errFolder is why the root cannot hold what lies in a folder that it refused.
var errFolder = errors.New("its folder cannot be stored")

// absent returns the result of an entry that could not be made under the root. One
// that the root cannot hold is recorded all the same.
func absent(e manifest.Entry, err error) (result, error) {
	if err = content.Refuse(&e, err); !content.IsRefused(err) {
		return result{}, err
	}
	e.Absent, e.Stored, e.Digest = true, nil, manifest.Digest{}
	return result{entry: e, outcome: stored}, err
}

func (p *partialTree) enter(t, above *target) (err error) {
	switch {
	case above == nil:
		t.dir, err = p.partial.Tree.Descend(".")
	case above.dir == nil:
		err = content.FromSource("store", t.folder.Spell(), &content.Refused{Err: errFolder})
	default:
		t.dir, err = above.dir.Mkdir(t.folder.Name())
		if err != nil {
			own := t.folder.Entry.Entry
			own.Path = t.folder.Spell()
			err = content.Refuse(&own, err)
		}
	}
	return err
}

func (p *partialTree) describe(t *target) error {
	if t.dir == nil {
		t.entry.Absent, t.same = true, false
		return nil
	}
	return p.partial.Foresee(t.dir, &t.entry)
}

func (p *partialTree) bring(t *task, e *walk.Entry, at parent.Position) (result, error) {
	if t.target.dir == nil {
		t.previous.entry = at.EntryOf(e)
		return absent(e.Entry, content.FromSource("store", e.Path, &content.Refused{Err: errFolder}))
	}
	return t.bringFromSource(e, at)
}

func (p *partialTree) create(t *task, e *manifest.Entry, write func(*store.File) error) error {
	err := p.tryCreate(t, e, write)
	if p.rootIsFull(err) && p.makeRoom() {
		return p.tryCreate(t, e, write)
	}
	return err
}

func (p *partialTree) tryCreate(t *task, e *manifest.Entry, write func(*store.File) error) error {
	out, err := t.target.dir.Create(t.name)
	if err != nil {
		return err
	}
	err = write(out)
	if err == nil {
		err = p.notKept(e, out.Finish(e))
	}
	// Some file systems say only now that there was no room.
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		t.target.dir.Remove(t.name) // leaves room for the rest of the manifest
	}
	return err
}

// scratchName is the name of a worker's scratch file.
func scratchName(t *task) string { return fmt.Sprint("copy-", t.number) }

func (p *partialTree) scratch(t *task) (*store.File, error) {
	return p.partial.Scratch.Create(scratchName(t))
}

func (p *partialTree) keep(t *task, f *store.File, e *manifest.Entry) error {
	if err := p.notKept(e, f.Finish(e)); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// A rename would replace a file whose name differs in case alone, where the
	// file system takes both for one.
	return t.target.dir.Link(p.partial.Scratch, scratchName(t), t.name)
}

func (p *partialTree) discard(t *task, f *store.File) {
	f.Close()
	p.partial.Scratch.Remove(scratchName(t))
}

func (p *partialTree) link(t *task, from *store.Dir, old string, _ store.Inode) error {
	err := t.target.dir.Link(from, old, t.name)
	if errors.Is(err, store.ErrNoLink) {
		p.noLink.Do(func() {
			p.log.Warn("what a snapshot holds is stored anew, this and maybe more",
				"path", path.Join(t.batch.Path, t.name), "error", err)
		})
		return store.ErrLinkLimit
	}
	return err
}

func (p *partialTree) other(t *task, e *manifest.Entry) error {
	err := p.notKept(e, t.target.dir.Make(t.name, e))
	if err != nil && !errors.Is(err, fs.ErrExist) { // it may be there without its metadata
		t.target.dir.Remove(t.name)
	}
	return err
}

func (p *partialTree) finish(t *target) error {
	if t.dir == nil {
		return nil
	}
	return p.notKept(&t.entry, t.dir.Finish(&t.entry))
}

func (p *partialTree) seal(ctx context.Context, cat *catalog.Catalog, s *catalog.Snapshot) error {
	return p.sealAndTell(ctx, cat, s)
}
