package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Adopt starts to make a snapshot of a tree that lies at the place of one
// already, see [Root.Adoptable]. Its manifest and log are written in a folder
// of ours until [Partial.Seal] puts them beside it; the log begins with what
// another tool has left in the place of one. The caller holds the lock of the
// name.
func (r *Root) Adopt(ref Ref) (*Partial, error) {
	p := &Partial{Ref: ref, root: r, path: filepath.Join(r.Path, internal, "adopt-"+ref.Name)}
	if err := p.openAdopted(); err != nil {
		p.Close()
		return nil, fmt.Errorf("adopt %s: %w", ref, err)
	}
	return p, nil
}

// PlanAdoption is Adopt for a dry run: what it returns cannot be sealed. Its
// manifest is written in dir, and its log is lost.
func (r *Root) PlanAdoption(ref Ref, dir string) (_ *Partial, err error) {
	p := &Partial{Ref: ref, root: r}
	if p.Tree, err = r.OpenSnapshot(ref); err == nil {
		err = p.createPlanned(dir)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("adopt %s: %w", ref, err)
	}
	return p, nil
}

func (p *Partial) openAdopted() (err error) {
	if p.Tree, err = p.root.OpenSnapshot(p.Ref); err != nil {
		return err
	}
	if err := removeTree(p.path); err != nil { // of a kill
		return err
	}
	if err := os.Mkdir(p.path, 0o700); err != nil {
		return err
	}
	if err := p.createFiles(); err != nil {
		return err
	}
	return p.continueLog()
}

// continueLog begins the log with the one that the seal replaces.
func (p *Partial) continueLog() error {
	path := p.root.LogPath(p.Ref)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is in the place of a log: move it away", path)
	}
	old, err := os.Open(path)
	if err != nil {
		return err
	}
	defer old.Close()
	_, err = io.Copy(p.Log, old)
	return err
}
