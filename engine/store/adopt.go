package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"phlb/engine/handle"
)

// Adopt starts to make a snapshot of a tree that lies at the place of one
// already, see [Root.Adoptable]. Its manifest and log are written in the
// workshop until [Partial.Seal] puts them beside it; the log begins with what
// another tool has left in the place of one. The caller holds the lock of the
// name.
func (r *Root) Adopt(ref Ref) (*Partial, error) {
	p := &Partial{Ref: ref, root: r, name: tempFile("adopt-")}
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
	if p.folder, err = p.root.dir.Open(p.Name); err != nil {
		return err
	}
	if p.Tree, err = p.folder.Open(p.Stamp); err != nil {
		return err
	}
	if p.in, err = p.root.openWorkshop(); err != nil {
		return err
	}
	if p.Scratch, err = p.in.Mkdir(p.name); err != nil {
		return err
	}
	if err := p.createFiles(); err != nil {
		return err
	}
	return p.continueLog()
}

// continueLog begins the log with the one that the seal replaces.
func (p *Partial) continueLog() error {
	old, err := p.folder.Read(p.Stamp + logSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, handle.ErrNotRegular), errors.Is(err, syscall.ELOOP):
		return fmt.Errorf("%s is in the place of a log: move it away", p.root.LogPath(p.Ref))
	case err != nil:
		return err
	}
	defer old.Close()
	if info, err := old.Stat(); err != nil {
		return err
	} else if info.Size() > maxLog {
		return fmt.Errorf("%s is longer than 1 GiB, which no log is: move it away", p.root.LogPath(p.Ref))
	}
	_, err = io.Copy(p.Log, io.LimitReader(old, maxLog))
	return err
}

// maxLog is how much of a log is copied: one that has every path of a few million is
// shorter, and a file without an end, which takes no room where it lies, would fill
// the root.
const maxLog = 1 << 30
