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

// keepReason says why nothing is deleted: paths may be missing in the snapshot that were
// not gone from the source.
type keepReason struct {
	what, reason string // of the problem that is reported
	said         bool   // whether it was reported
}

// checkDelete decides whether paths that the snapshot does not have may be deleted.
func (r *restore) checkDelete() {
	s := r.snapshot
	from := filepath.Join(s.Source, filepath.FromSlash(r.selection.base))
	switch {
	case !r.Delete:
	case !s.Complete():
		r.keepsExtra = &keepReason{what: repository.Unreadable, reason: fmt.Sprintf("nothing is deleted: the snapshot lacks %s that could not be read, which may lie here",
			english.Plural(int(s.Errors), "path", ""))}
	case s.Skipped == 0:
	case s.Host == r.Env.Host && r.foreign && !r.Privileged:
		// Others chose the path of the source. To look at a path may mount what it names,
		// wait for another machine for ever, or log on there, as Windows does at \\HOST\SHARE.
		r.keepsExtra = &keepReason{what: InTheWay, reason: fmt.Sprintf("nothing is deleted: this may be what was backed up, without %s, for a source that a root of others names is not looked at: restore into an empty folder, or with privileged if you trust the root",
			english.Plural(int(s.Skipped), "path", ""))}
	case s.Host == r.Env.Host && repository.SameFile(from, r.result.To): // the source of one's own backup
		r.keepsExtra = &keepReason{what: InTheWay, reason: fmt.Sprintf("nothing is deleted: this is what was backed up, without %s: delete by hand what is too much, or restore to another place",
			english.Plural(int(s.Skipped), "path", ""))}
	default:
		r.Log.Warn("what the snapshot does not have is deleted, also where it was left out of it", "snapshot", s.Ref(), "skipped", s.Skipped)
	}
}

// deleteExtra removes the paths from the folder that the snapshot does not have there.
func (r *restore) deleteExtra(f *folder) error {
	names, err := f.dir.Names()
	if err != nil {
		return err
	}
	self, err := f.dir.Self()
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if f.names[name] || slices.Contains(f.beside, name) {
			continue
		}
		if _, err := r.deletePath(f, f.dir, name, self.Dev); err != nil {
			return err
		}
	}
	return nil
}

// deletePath removes the path called name in dir, if the selection has it, and reports
// whether it is gone. f stands for dir in the selection. An error ends the restore.
func (r *restore) deletePath(f *folder, dir *store.Dir, name string, device uint64) (gone bool, err error) {
	there, err := dir.Look(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err == nil && there.Kind == manifest.Dir {
		return r.deleteDir(f, dir, name, &there, device)
	}
	if !r.selection.means(f, name) || r.keepsAndSays() {
		return false, nil
	}
	if err == nil && !r.Dry {
		err = dir.Remove(name)
	}
	return r.deleted(f, name, err)
}

// keepsAndSays reports whether nothing is deleted, and has reported why when it returns.
func (r *restore) keepsAndSays() bool {
	if r.keepsExtra == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.keepsExtra.said {
		r.keepsExtra.said = true
		r.result.add(".", r.keepsExtra.what, "%s", r.keepsExtra.reason)
	}
	return true
}

// deleted counts a path that was deleted, or reports the error.
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

// deleteDir is deletePath for a directory, with all that it holds.
func (r *restore) deleteDir(f *folder, dir *store.Dir, name string, there *store.Inode, device uint64) (gone bool, err error) {
	inner := &folder{entry: manifest.Entry{Path: name}, parent: f, inBase: true}
	inner.excluded = f.excluded || r.selection.exclude.Match(f.path(), name)
	inner.selected = r.selection.means(f, name)
	// Another file system that is mounted there is not a part of the target, and the backup
	// root must never be.
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
	if !empty || !inner.selected || r.keepsAndSays() {
		return false, nil
	}
	if !r.Dry {
		err = dir.RemoveDir(name)
	}
	return r.deleted(f, name, err)
}
