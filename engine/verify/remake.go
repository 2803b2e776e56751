package verify

import (
	"errors"
	"slices"
	"strings"

	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// Entries without content are made anew from the manifest: folders before the entries in
// them, and the times of folders after these.

// remakeFolders makes the folders that are missing, outer ones first.
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
				v.reportRemade(&d.entry, err)
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
		v.reportRemade(e, v.changeIn(ref, e.Path, func(folder *store.Dir, name string) error {
			return folder.ReplaceMade(name, asStored(e))
		}))
	}
}

// finishFolders gives damaged folders the metadata that they should have.
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
		if d.what != repository.Missing || err == nil { // else making the folder has failed, and was reported
			v.reportRemade(e, err)
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

// noteLeftover notes a path that a heal that was cut off has left.
func (v *verification) noteLeftover(path string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.leftovers = append(v.leftovers, path)
}

// sweepLeftovers removes the temporary files that heals that were cut off have left. No
// file of a user has such a name, and they are not in the manifest.
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

// reportRemade reports an entry that was made anew from the manifest, or could not be.
func (v *verification) reportRemade(e *manifest.Entry, err error) {
	if err != nil {
		v.report.Add(e.Path, repository.Unhealed, "%v", err)
		return
	}
	v.report.Add(e.Path, repository.Healed, "put right from the manifest")
}
