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

// piece is an entry that is being restored.
type piece struct {
	*restore
	*content.Worker
	from  *folder // in the snapshot
	to    *folder // in the target
	name  string  // there
	entry *manifest.Entry
	there *store.Inode // what the target has, nil for nothing
	made  bool
	bytes int64 // that Progress knows of already
}

// work restores a batch.
func (r *restore) work(w *content.Worker, b *batch) {
	defer r.release(b.folder)
	for i := range b.entries {
		e := &b.entries[i]
		if r.ctx.Err() != nil {
			return
		}
		p := &piece{restore: r, Worker: w, from: b.folder, to: b.folder, name: e.Name(), entry: e}
		if e.Path == r.selection.base {
			p.to, p.name = r.landing, r.as
		}
		err := p.place()
		r.passed(e)
		r.Progress.Bytes.Add(-p.bytes)
		var bad *damage
		switch {
		case errors.As(err, &bad):
			r.fail(e.Path, bad.what, "%s; it is left out", bad.detail)
		case err != nil:
			r.failed(e.Path, err)
		}
	}
}

// passed counts a file that is done with.
func (r *restore) passed(e *manifest.Entry) {
	if e.Kind == manifest.File {
		r.Progress.Files.Add(1)
		r.Progress.Bytes.Add(e.Size)
	}
}

// reason is an error without the path that it is reported with.
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

// damage is an error of the snapshot: it does not hold what it should.
type damage struct{ what, detail string }

func (d *damage) Error() string { return d.what + ": " + d.detail }

func (p *piece) place() (err error) {
	if p.there, err = p.to.look(p.name); err != nil {
		return err
	}
	if p.there != nil && p.to.taken(p.name, p.there) {
		err = errTaken
	} else if p.entry.Group != 0 && !p.to.renamed {
		err = p.member()
	} else {
		_, err = p.alone()
	}
	apart := p.to.renamed
	if errors.Is(err, errTaken) {
		apart, err = true, p.placeBeside()
	}
	if err == nil && apart && p.entry.Group != 0 {
		return p.notKept(p.entry.Path, &store.NotKept{What: "hardlink", Err: errTaken})
	}
	return err
}

// alone restores a path of an inode of its own, and reports whether the target
// has it now.
func (p *piece) alone() (has bool, err error) {
	switch {
	case p.there == nil:
	case p.same():
		p.count(func(done *Restored) { done.Unchanged++ })
		p.Log.Debug("unchanged", "path", p.entry.Path)
		return true, nil
	case !p.replaces(p.entry, p.there):
		p.skip(p.entry.Path)
		return false, nil
	}
	if err := p.put(p.make); err != nil {
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

// replaces reports whether e takes the place of something else.
func (r *restore) replaces(e *manifest.Entry, there *store.Inode) bool {
	return r.Overwrite == Always || r.Overwrite == Newer && there.Mtime.Before(e.Mtime)
}

// same reports whether what is there need not be made. The content of a file is
// not read. A file with other names may be one that a snapshot holds.
func (p *piece) same() bool {
	e, there := p.entry, p.there
	if there.Kind != e.Kind || there.Mtime != e.Mtime || there.UID != e.UID || there.GID != e.GID ||
		there.Kind != manifest.Symlink && there.Mode != e.Mode ||
		there.Kind == manifest.File && (there.Size != e.Size || there.Links > 1 && e.Group == 0) {
		return false
	}
	own, err := p.to.to.Entry(p.name)
	return err == nil && own.Target == e.Target && own.Major == e.Major && own.Minor == e.Minor &&
		manifest.SameXattrs(own.Xattrs, e.Xattrs)
}

// put has make make something of a name that is free, and gives it its own in
// a single step.
func (p *piece) put(make func(name string) error) error {
	if p.Dry {
		err := make("")
		if err == nil && p.there != nil && p.there.Kind == manifest.Dir {
			err = p.clear()
		}
		return err
	}
	dir := p.to.to
	temp := store.TempName()
	err := make(temp)
	if err == nil && p.there != nil && p.there.Kind == manifest.Dir {
		err = p.clear()
	}
	switch {
	case err != nil:
	case p.there != nil:
		err = dir.Rename(temp, dir, p.name)
	default:
		if err = dir.RenameNew(temp, dir, p.name); errors.Is(err, fs.ErrExist) {
			err = errTaken
		}
	}
	// Where both were links to one inode, a rename has left both, see rename(2).
	if err != nil || p.there != nil {
		if removed := dir.Remove(temp); err == nil {
			err = removed
		}
	}
	return err
}

// clear removes the directory that lies where something else belongs: an empty
// one, and with Delete all that it holds.
func (p *piece) clear() error {
	if p.Delete {
		self, err := p.to.to.Self()
		if err != nil {
			return err
		}
		if gone, err := p.deletePath(p.from, p.to.to, p.name, self.Dev); gone || err != nil {
			return err
		}
		return &damage{InTheWay, "a directory lies there, of which not all is to be deleted"}
	}
	dir, err := p.to.to.Open(p.name)
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
	return p.to.to.RemoveDir(p.name)
}

// make makes the entry under a name, or in a dry run looks whether it can.
func (p *piece) make(name string) (err error) {
	switch {
	case p.entry.Kind == manifest.File && p.Dry && !p.planned:
		return p.file(p.stored)
	case p.Dry:
		return nil
	case p.entry.Kind == manifest.File:
		err = p.file(func(dir *walk.Dir, from string) error { return p.copyFrom(dir, from, name) })
	default:
		err = p.notKept(p.entry.Path, p.to.to.Make(name, p.entry))
	}
	if err == nil && p.to.bequeaths && p.entry.Kind != manifest.Symlink && !hasACL(p.entry) {
		err = p.to.to.Disinherit(name)
	}
	return err
}

func hasACL(e *manifest.Entry) bool {
	for _, x := range e.Xattrs {
		if strings.HasPrefix(x.Name, "system.posix_acl_") {
			return true
		}
	}
	return false
}

// file has try make a regular file of what the snapshot holds, or if that is
// damaged of what another one has of the same content.
func (p *piece) file(try func(dir *walk.Dir, name string) error) error {
	if p.entry.Size == 0 { // nothing that could be damaged
		return try(nil, "")
	}
	err := try(p.from.from, p.entry.Name())
	var bad *damage
	if !errors.As(err, &bad) {
		return err
	}
	where, err := p.recover(try)
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

// stored looks whether the file is there, without reading it.
func (p *piece) stored(dir *walk.Dir, name string) error {
	if p.entry.Size == 0 {
		return nil
	}
	in, _, err := p.openStored(dir, name)
	if err == nil {
		in.Close()
	}
	return err
}

// openStored opens what should be the file. Errors are of damage.
func (p *piece) openStored(dir *walk.Dir, name string) (*walk.File, *walk.Entry, error) {
	if dir == nil && p.from.denied != nil {
		return nil, nil, p.from.denied
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
		return nil, nil, &damage{repository.Unreadable, reason(err)}
	}
	seen, err := in.Stat()
	switch {
	case err != nil:
		err = &damage{repository.Unreadable, reason(err)}
	case seen.Kind != manifest.File:
		err = &damage{repository.Kind, fmt.Sprintf("is a %v, was a %v", seen.Kind, manifest.File)}
	case seen.Size != p.entry.Size:
		err = &damage{repository.Size, fmt.Sprintf("is %s long, was %d", repository.Bytes(seen.Size), p.entry.Size)}
	}
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, &seen, nil
}

// copyFrom makes the file of what is called from in dir, if that has the
// content that it should have.
func (p *piece) copyFrom(dir *walk.Dir, from, name string) error {
	if p.entry.Size == 0 {
		return p.create(name, func(*store.File) error { return nil })
	}
	in, seen, err := p.openStored(dir, from)
	if err != nil {
		return err
	}
	defer in.Close()
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
		p.bytes += n
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
func (p *piece) verify(got manifest.Digest) error {
	if got != p.entry.Digest {
		return &damage{repository.Content, fmt.Sprintf("sha256 is %v, was %v", got, p.entry.Digest)}
	}
	return nil
}

// create makes a file with what fill writes, and its metadata.
func (p *piece) create(name string, fill func(*store.File) error) error {
	out, err := p.to.to.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := fill(out); err != nil {
		p.to.to.Remove(name) // leaves the name free for another try
		return err
	}
	return p.notKept(p.entry.Path, out.Finish(p.entry))
}
