package verify

import (
	"errors"
	"io/fs"
	"path"

	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// folder is the path of a directory in a snapshot.
type folder struct {
	ref  store.Ref
	path string
}

// open opens the directory.
func (f folder) open(root *store.Root) (*store.Dir, error) {
	tree, err := root.OpenSnapshot(f.ref)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	return tree.Descend(f.path)
}

// folderOf opens the directory of a snapshot in which a file lies.
func (v *verification) folderOf(ref store.Ref, file string) (*store.Dir, error) {
	return folder{ref, path.Dir(file)}.open(v.root)
}

// changeIn calls change with the directory of a snapshot in which a file lies, and with
// the name of the file there. Whatever becomes of the change, the directory gets its
// modification time back. Where that fails, putTimesBack tries again.
func (v *verification) changeIn(ref store.Ref, file string, change func(in *store.Dir, name string) error) error {
	f := folder{ref, path.Dir(file)}
	in, err := f.open(v.root)
	if err != nil {
		return err
	}
	defer in.Close()
	self, err := in.Self()
	if err != nil {
		return err
	}
	mtime, known := v.changed[f]
	if !known {
		mtime = self.Mtime
		v.changed[f] = mtime
	}
	err = change(in, path.Base(file))
	in.SetMtime(mtime)
	return err
}

// putTimesBack gives the folders in which names were changed the times that they had
// before, if they do not have them yet, and reports where it cannot.
func (v *verification) putTimesBack() {
	for f, mtime := range v.changed {
		if err := f.putTimeBack(v.root, mtime); err != nil {
			where := ""
			if f.ref != v.report.Snapshot.Ref() {
				where = "in " + f.ref.String() + ": "
			}
			v.report.Add(f.path, repository.Unhealed, "%sthe time of the folder could not be put back: %v; run verify --heal again", where, err)
		}
	}
}

func (f folder) putTimeBack(root *store.Root, mtime manifest.Time) error {
	in, err := f.open(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	defer in.Close()
	now, err := in.Self()
	if err != nil || now.Mtime == mtime {
		return err
	}
	return in.SetMtime(mtime)
}
