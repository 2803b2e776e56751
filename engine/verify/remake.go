package verify

import (
	"errors"
	"slices"
	"strings"

	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// What has no content is put right from the manifest alone: folders before what
// lies in them, their times after it.

// remakeFolders makes the folders that are missing, parents first.
func (v *verification) remakeFolders() {
	ref := v.report.Snapshot.Ref()
	slices.SortStableFunc(v.damaged, func(a, b damaged) int { return strings.Compare(a.entry.Path, b.entry.Path) })
	for _, d := range v.damaged {
		if d.entry.Kind == manifest.Dir && d.what == repository.Missing {
			err := v.changeIn(ref, d.entry.Path, func(folder *store.Dir, name string) error {
				made, err := folder.Mkdir(name)
				if err == nil {
					made.Close()
				}
				return err
			})
			if err != nil {
				v.remade(&d.entry, err)
			}
		}
	}
}

// remakeOthers makes symbolic links and special files anew.
func (v *verification) remakeOthers() {
	ref := v.report.Snapshot.Ref()
	for _, d := range v.damaged {
		e := &d.entry
		if e.Kind == manifest.Dir || e.Kind == manifest.File || e.Absent {
			continue
		}
		v.remade(e, v.changeIn(ref, e.Path, func(folder *store.Dir, name string) error {
			return folder.ReplaceMade(name, asStored(e))
		}))
	}
}

// finishFolders gives folders the metadata that they should have.
func (v *verification) finishFolders() {
	for _, d := range v.damaged {
		e := &d.entry
		if e.Kind != manifest.Dir {
			continue
		}
		tree, err := v.root.OpenSnapshot(v.report.Snapshot.Ref())
		if err == nil {
			err = finishFolder(tree, d)
			tree.Close()
		}
		if d.what != repository.Missing || err == nil { // else it is said already
			v.remade(e, err)
		}
	}
}

func finishFolder(tree *store.Dir, d damaged) error {
	folder, err := tree.Descend(d.entry.Path)
	if err != nil {
		return err
	}
	defer folder.Close()
	e := asStored(&d.entry)
	if d.what == repository.Mtime {
		return folder.SetMtime(e.Mtime)
	}
	var lost *store.NotKept
	if err := folder.Finish(e); !errors.As(err, &lost) {
		return err
	}
	return nil
}

// asStored returns the entry with what its inode has in the snapshot.
func asStored(e *manifest.Entry) *manifest.Entry {
	own, stored := *e, e.InSnapshot()
	own.Permissions, own.Mtime, own.Stored = stored.Permissions, stored.Mtime, nil
	return &own
}

// leave notes what a heal that was cut off has left.
func (v *verification) leave(path string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.leftovers = append(v.leftovers, path)
}

// sweepLeftovers removes what heals that were cut off have left beside files: no
// user's file is called so, and the manifest does not have it.
func (v *verification) sweepLeftovers() {
	for _, at := range v.leftovers {
		err := v.changeIn(v.report.Snapshot.Ref(), at, func(folder *store.Dir, name string) error { return folder.Remove(name) })
		if err != nil {
			v.report.Add(at, repository.Unhealed, "%v", err)
			continue
		}
		v.report.Add(at, repository.Healed, "removed: a heal that was cut off has left it")
	}
}

func (v *verification) remade(e *manifest.Entry, err error) {
	if err != nil {
		v.report.Add(e.Path, repository.Unhealed, "%v", err)
		return
	}
	v.report.Add(e.Path, repository.Healed, "put right from the manifest")
}
