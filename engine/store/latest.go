package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"phlb/engine/handle"
	"phlb/engine/manifest"
)

const (
	// latest is the link to the newest snapshot of a name.
	latest = "latest"
	// latestText names that snapshot where no such link can be made.
	latestText = latest + ".txt"
)

// point makes latest a link to the snapshot, in a single step. It replaces
// nothing but a link. Where none can be made, as for a user of Windows on a file
// system without junctions, a file has the name of the snapshot.
func (r *Root) point(folder *Dir, ref Ref) error {
	is, err := folder.Look(latest)
	if err == nil && is.Kind != manifest.Symlink {
		return fmt.Errorf("%s is in the way of the link to the newest snapshot: move it away", filepath.Join(r.Path, ref.Name, latest))
	}
	isLink := err == nil
	switch err := folder.ReplaceLink(ref.Stamp, latest); {
	case err == nil:
		return folder.Remove(latestText)
	case !errors.Is(err, handle.ErrNoDirLink):
		return err
	}
	if isLink { // of a time when there were links: to an old snapshot, and none is better
		if err := folder.Remove(latest); err != nil {
			return err
		}
	}
	is, err = folder.Look(latestText)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.textMade.Store(true)
	case err == nil && is.Kind != manifest.File:
		return fmt.Errorf("%s is in the way of the name of the newest snapshot: move it away", filepath.Join(r.Path, ref.Name, latestText))
	case err != nil:
		return err
	}
	self, err := folder.Self()
	if err != nil {
		return err
	}
	e := &manifest.Entry{Kind: manifest.File, Mtime: self.Mtime} // when the snapshot got its name
	e.Permissions = self.Permissions
	e.Mode = 0o644
	return folder.ReplaceNew(latestText, e, func(f *File) error {
		_, err := f.Write([]byte(ref.Stamp + "\r\n"))
		return err
	})
}

// MadeText reports, once, whether a file was made that names the newest snapshot
// since no link to that can be made.
func (r *Root) MadeText() bool { return r.textMade.Swap(false) }
