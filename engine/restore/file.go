package restore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// item is an entry that is being restored.
type item struct {
	*restore
	*content.Worker
	from     *folder // the folder of the entry in the snapshot
	to       *folder // the folder that it is restored into
	name     string  // of the entry in to
	entry    *manifest.Entry
	existing *store.Inode // what the target has under the name; nil for nothing
	made     bool         // whether the target had no such inode before
	counted  int64        // bytes that Progress has counted before the entry is done
}

// work restores the entries of a batch.
func (r *restore) work(w *content.Worker, b *batch) {
	defer r.release(b.folder)
	for i := range b.entries {
		e := &b.entries[i]
		if r.ctx.Err() != nil {
			return
		}
		p := &item{restore: r, Worker: w, from: b.folder, to: b.folder, name: e.NameInSource(), entry: e}
		if e.Path == r.selection.base {
			p.to, p.name = r.landing, r.baseName
		}
		err := p.restoreEntry()
		r.countDone(e)
		r.Progress.Bytes.Add(-p.counted)
		var bad *damage
		switch {
		case errors.As(err, &bad):
			r.fail(e.Path, bad.what, "%s; it is left out", bad.detail)
		case err != nil:
			r.failed(e.Path, err)
		}
	}
}

// countDone counts a file in Progress that was restored, kept or reported.
func (r *restore) countDone(e *manifest.Entry) {
	if e.Kind == manifest.File {
		r.Progress.Files.Add(1)
		r.Progress.Bytes.Add(e.Size)
	}
}

// reason returns the message of an error without the path in it, for a report that names
// the path.
func reason(err error) string {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		return at.Op + ": " + at.Err.Error()
	case errors.As(err, &link):
		return link.Op + ": " + link.Err.Error()
	}
	return err.Error()
}

// damage is the error of a file that the snapshot does not hold as it should.
type damage struct{ what, detail string }

func (d *damage) Error() string { return d.what + ": " + d.detail }

// restoreEntry restores the entry, or keeps what the target has in its place.
func (p *item) restoreEntry() (err error) {
	if p.existing, err = p.to.look(p.name); err != nil {
		return err
	}
	if p.existing != nil && p.to.taken(p.name, p.existing) {
		err = errTaken
	} else if p.entry.Group != 0 && !p.to.renamed {
		err = p.restoreInGroup()
	} else {
		_, err = p.restoreAlone()
	}
	apart := p.to.renamed
	if errors.Is(err, errTaken) {
		apart, err = true, p.restoreBeside()
	}
	if err == nil && apart && p.entry.Group != 0 {
		return p.notKept(p.entry.Path, &store.NotKept{What: "hardlink", Err: errTaken})
	}
	return err
}

// restoreAlone restores the entry as an inode of its own. It reports whether the target
// has the entry now.
func (p *item) restoreAlone() (has bool, err error) {
	switch {
	case p.existing == nil:
	case p.isUnchanged():
		p.count(func(done *Restored) { done.Unchanged++ })
		p.Log.Debug("unchanged", "path", p.entry.Path)
		return true, nil
	case !p.replaces(p.entry, p.existing):
		p.skip(p.entry.Path)
		return false, nil
	}
	if err := p.putInPlace(p.make); err != nil {
		return false, err
	}
	p.made = true
	p.Log.Debug("restored", "path", p.entry.Path)
	p.count(func(done *Restored) {
		if p.entry.Kind != manifest.File {
			done.Others++
			return
		}
		done.Files++
		done.Bytes += p.entry.Size
	})
	return true, nil
}

// replaces reports whether e may replace an inode that is in the target.
func (r *restore) replaces(e *manifest.Entry, there *store.Inode) bool {
	return r.Overwrite == Always || r.Overwrite == Newer && there.Mtime.Before(e.Mtime)
}

// isUnchanged reports whether the target has the entry already. The content of a file is
// not read. A file with other names is not taken for unchanged: it may be a file of a
// snapshot.
func (p *item) isUnchanged() bool {
	e, there := p.entry, p.existing
	if there.Kind != e.Kind || there.Mtime != e.Mtime || there.UID != e.UID || there.GID != e.GID ||
		there.Kind != manifest.Symlink && there.Mode != e.Mode ||
		there.Kind == manifest.File && (there.Size != e.Size || there.Links > 1 && e.Group == 0) {
		return false
	}
	own, err := p.to.dir.Entry(p.name)
	return err == nil && own.Target == e.Target && own.Major == e.Major && own.Minor == e.Minor &&
		manifest.SameXattrs(own.Xattrs, e.Xattrs)
}

// putInPlace calls make to make the entry under a temporary name, and renames it to its
// name in a single step.
func (p *item) putInPlace(make func(name string) error) error {
	if p.Dry {
		err := make("")
		if err == nil && p.existing != nil && p.existing.Kind == manifest.Dir {
			err = p.clear()
		}
		return err
	}
	dir := p.to.dir
	temp := store.TempName()
	err := make(temp)
	if err == nil && p.existing != nil && p.existing.Kind == manifest.Dir {
		err = p.clear()
	}
	switch {
	case err != nil:
	case p.existing != nil:
		err = dir.Rename(temp, dir, p.name)
	default:
		if err = dir.RenameNew(temp, dir, p.name); errors.Is(err, fs.ErrExist) {
			err = errTaken
		}
	}
	// A rename leaves both names where both are links to one inode, see rename(2).
	if err != nil || p.existing != nil {
		if removed := dir.Remove(temp); err == nil {
			err = removed
		}
	}
	return err
}

// clear removes a directory that lies where the entry belongs: an empty one, or with
// Delete one with all that it holds.
func (p *item) clear() error {
	if p.Delete {
		self, err := p.to.dir.Self()
		if err != nil {
			return err
		}
		if gone, err := p.deletePath(p.from, p.to.dir, p.name, self.Dev); gone || err != nil {
			return err
		}
		return &damage{InTheWay, "a directory lies there, of which not all is to be deleted"}
	}
	dir, err := p.to.dir.Open(p.name)
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Names()
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return &damage{InTheWay, "a directory that is not empty lies there; with delete it is removed"}
	}
	if p.Dry {
		return nil
	}
	return p.to.dir.RemoveDir(p.name)
}

// make makes the entry under a name. In a dry run it only looks whether the snapshot has
// the file.
func (p *item) make(name string) (err error) {
	switch {
	case p.entry.Kind == manifest.File && p.Dry && !p.planned:
		return p.file(p.checkStored)
	case p.Dry:
		return nil
	case p.entry.Kind == manifest.File:
		err = p.file(func(dir *walk.Dir, from string) error { return p.copyFrom(dir, from, name) })
	default:
		err = p.notKept(p.entry.Path, p.to.dir.Make(name, p.entry))
	}
	if err == nil && p.to.bequeaths && p.entry.Kind != manifest.Symlink && !hasACL(p.entry) {
		err = p.to.dir.Disinherit(name)
	}
	return err
}

// hasACL reports whether the entry has an access control list.
func hasACL(e *manifest.Entry) bool {
	for _, x := range e.Xattrs {
		if strings.HasPrefix(x.Name, "system.posix_acl_") {
			return true
		}
	}
	return false
}

// file calls try with the file of the snapshot or, where that is damaged, with other files
// that should have the same content.
func (p *item) file(try func(dir *walk.Dir, name string) error) error {
	if p.entry.Size == 0 { // nothing that could be damaged
		return try(nil, "")
	}
	err := try(p.from.source, p.entry.Name())
	var bad *damage
	if !errors.As(err, &bad) {
		return err
	}
	where, err := p.tryOtherCopies(try)
	if err != nil {
		return err
	}
	if where == "" {
		return bad
	}
	p.count(func(done *Restored) {
		done.add(p.entry.Path, Recovered, "%v; taken from %s", bad, where)
	})
	return nil
}

var errGone = &damage{repository.Missing, "the snapshot does not have it any more"}

// checkStored looks whether the snapshot has the file, without reading it.
func (p *item) checkStored(dir *walk.Dir, name string) error {
	if p.entry.Size == 0 {
		return nil
	}
	in, _, err := p.openStored(dir, name)
	if err == nil {
		in.Close()
	}
	return err
}

// openStored opens a file that should have the content. Its errors are a [*damage].
func (p *item) openStored(dir *walk.Dir, name string) (*walk.File, *walk.Entry, error) {
	if dir == nil && p.from.sourceError != nil {
		return nil, nil, p.from.sourceError
	}
	if dir == nil {
		return nil, nil, errGone
	}
	in, err := dir.File(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, errGone
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, &damage{Denied, reason(err)}
	case err != nil:
		if found, failed := dir.Lstat(name); failed == nil && found.Kind != manifest.File { // not every system opens it
			return nil, nil, otherKind(&found)
		}
		return nil, nil, &damage{repository.Unreadable, reason(err)}
	}
	seen, err := in.Stat()
	switch {
	case err != nil:
		err = &damage{repository.Unreadable, reason(err)}
	case seen.Kind != manifest.File:
		err = otherKind(&seen)
	case seen.Size != p.entry.Size:
		err = &damage{repository.Size, fmt.Sprintf("is %s long, was %d", repository.Bytes(seen.Size), p.entry.Size)}
	}
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, &seen, nil
}

// otherKind is the damage of what should be a file.
func otherKind(found *walk.Entry) error {
	return &damage{repository.Kind, fmt.Sprintf("is a %v, was a %v", found.Kind, manifest.File)}
}

// copyFrom makes the entry under a name, as a copy of the file called from in dir, if that
// has the right content.
func (p *item) copyFrom(dir *walk.Dir, from, name string) error {
	if p.entry.Size == 0 {
		return p.create(name, func(*store.File) error { return nil })
	}
	in, seen, err := p.openStored(dir, from)
	if err != nil {
		return err
	}
	defer in.Close()
	p.Use(p.entry.Digest.Algorithm())
	seen.Path = p.entry.Path
	if seen.Size <= content.BufferSize && !seen.Sparse() {
		buf := p.Whole(seen.Size)
		if _, err := in.ReadAt(buf, 0); err != nil && err != io.EOF {
			return &damage{repository.Unreadable, reason(err)}
		}
		if err := p.verify(p.Digest(buf)); err != nil {
			return err
		}
		return p.create(name, func(out *store.File) error {
			_, err := out.Write(buf)
			return err
		})
	}
	return p.create(name, func(out *store.File) error {
		n, err := p.Copy(p.ctx, in, seen, out, &p.Progress.Bytes)
		p.counted += n
		var unread *content.SourceError
		if errors.As(err, &unread) {
			return &damage{repository.Unreadable, reason(err)}
		}
		if err != nil {
			return err
		}
		return p.verify(p.Sum())
	})
}

// verify compares the digest of what was read with what the manifest says.
func (p *item) verify(got manifest.Digest) error {
	if got != p.entry.Digest {
		return &damage{repository.Content, fmt.Sprintf("%v is %v, was %v", got.Algorithm(), got, p.entry.Digest)}
	}
	return nil
}

// create makes a file with the content that fill writes, and with the metadata of the
// entry.
func (p *item) create(name string, fill func(*store.File) error) error {
	out, err := p.to.dir.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := fill(out); err != nil {
		p.to.dir.Remove(name) // leaves the name free for another try
		return err
	}
	return p.notKept(p.entry.Path, out.Finish(p.entry))
}
