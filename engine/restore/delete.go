package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize/english"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// unknown says why nothing is deleted where what the snapshot lacks was never
// meant to be gone: no snapshot may have it.
type unknown struct {
	what, reason string
	said         bool
}

func (r *restore) keepUnknown() {
	s := r.snapshot
	from := filepath.Join(s.Source, filepath.FromSlash(r.selection.base))
	switch {
	case !r.Delete:
	case !s.Complete():
		r.unknown = &unknown{what: repository.Unreadable, reason: fmt.Sprintf("nothing is deleted: the snapshot lacks %s that could not be read, which may lie here",
			english.Plural(int(s.Errors), "path", ""))}
	case s.Skipped == 0:
	case s.Host == r.Env.Host && repository.SameFile(from, r.result.To):
		r.unknown = &unknown{what: InTheWay, reason: fmt.Sprintf("nothing is deleted: this is what was backed up, without %s: delete by hand what is too much, or restore to another place",
			english.Plural(int(s.Skipped), "path", ""))}
	default:
		r.Log.Warn("what the snapshot does not have is deleted, also where it was left out of it", "snapshot", s.Ref(), "skipped", s.Skipped)
	}
}

// deleteExtra removes from the folder what the snapshot does not have there.
func (r *restore) deleteExtra(f *folder) error {
	names, err := f.to.Names()
	if err != nil {
		return err
	}
	self, err := f.to.Self()
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if f.names[name] || slices.Contains(f.beside, name) {
			continue
		}
		// In a directory of the same path as f, for the patterns.
		if _, err := r.deletePath(f, f.to, name, self.Dev); err != nil {
			return err
		}
	}
	return nil
}

// deletePath removes what is called name in dir, as far as it is meant, and
// reports whether it is gone. f is the folder that dir would be. Errors are
// those that end the restore.
func (r *restore) deletePath(f *folder, dir *store.Dir, name string, device uint64) (gone bool, err error) {
	there, err := dir.Look(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err == nil && there.Kind == manifest.Dir {
		return r.deleteDir(f, dir, name, &there, device)
	}
	if !r.selection.means(f, name) || r.keeps() {
		return false, nil
	}
	if err == nil && !r.Dry {
		err = dir.Remove(name)
	}
	return r.deleted(f, name, err)
}

// keeps reports whether what would be deleted stays, and says why.
func (r *restore) keeps() bool {
	if r.unknown == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.unknown.said {
		r.unknown.said = true
		r.result.add(".", r.unknown.what, "%s", r.unknown.reason)
	}
	return true
}

func (r *restore) deleted(f *folder, name string, err error) (gone bool, fatal error) {
	at := path.Join(f.path(), name)
	if err != nil {
		r.failed(at, err)
		if content.IsTrouble(err) {
			return false, err
		}
		return false, nil
	}
	r.count(func(done *Restored) { done.Deleted++ })
	r.Log.Debug("deleted", "path", at)
	return true, nil
}

func (r *restore) deleteDir(f *folder, dir *store.Dir, name string, there *store.Inode, device uint64) (gone bool, err error) {
	inner := &folder{entry: manifest.Entry{Path: name}, parent: f, inside: true}
	inner.excluded = f.excluded || r.selection.exclude.Match(f.path(), name)
	inner.selected = r.selection.means(f, name)
	// What is mounted here is not the target's, and least of all the root.
	if inner.excluded || there.Dev != device || r.rootID.Is(walk.ID{Dev: there.Dev, Inode: there.Ino}) {
		return false, nil
	}
	opened, err := dir.OpenUnmounted(name)
	if errors.Is(err, store.ErrMounted) {
		return false, nil
	}
	if err != nil {
		return r.deleted(f, name, err)
	}
	defer opened.Close()
	names, err := opened.Names()
	if err != nil {
		return r.deleted(f, name, err)
	}
	empty := true
	for _, n := range names {
		ok, err := r.deletePath(inner, opened, n, device)
		if err != nil {
			return false, err
		}
		empty = empty && ok
	}
	if !empty || !inner.selected || r.keeps() {
		return false, nil
	}
	if !r.Dry {
		err = dir.RemoveDir(name)
	}
	return r.deleted(f, name, err)
}
