package backup

import (
	"errors"
	"path"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// make makes the file with its metadata.
func (t *task) make(e *manifest.Entry, write func(*store.File) error) error {
	if t.Env.DryRun {
		return nil
	}
	err := t.tryMake(e, write)
	if store.IsFull(err) && t.makeRoom() {
		return t.tryMake(e, write)
	}
	return err
}

func (t *task) tryMake(e *manifest.Entry, write func(*store.File) error) error {
	out, err := t.target.dir.Create(t.name)
	if err != nil {
		return err
	}
	err = write(out)
	if err == nil {
		err = t.notKept(e, out.Finish(e))
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

func (t *task) link(from *store.Dir, old string, inode store.Inode) error {
	switch {
	case t.adopting != nil:
		return t.replace(from, old, inode)
	case t.Env.DryRun:
		t.plannedLink(inode)
		return nil
	}
	err := t.target.dir.Link(from, old, t.name)
	if errors.Is(err, store.ErrNoLink) {
		t.noLink.Do(func() {
			t.log.Warn("what a snapshot holds is stored anew, this and maybe more",
				"path", path.Join(t.target.folder.Path, t.name), "error", err)
		})
		return store.ErrLinkLimit
	}
	return err
}
