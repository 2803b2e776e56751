package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// attempts is how often a file is read that changes while it is read.
const attempts = 3

// errUnstable is the error of a file that has changed in every attempt to read it.
var errUnstable = errors.New("changes while it is read: what was read is stored, it may be inconsistent")

// saveFile saves a regular file that is new, or not known to be unchanged.
func (t *task) saveFile(e *walk.Entry) (result, error) {
	f, err := t.folder.source.Dir.File(t.source)
	if err != nil {
		return result{}, content.FromSource("open", e.Path, err)
	}
	defer f.Close()
	for try := 1; ; try++ {
		now := t.Env.Now()
		seen, err := f.Stat()
		if err != nil {
			return result{}, content.FromSource("stat", e.Path, err)
		}
		if seen.Kind != manifest.File {
			return result{}, content.FromSource("open", e.Path, errors.New("is no longer a regular file"))
		}
		seen.Path, seen.SourceName = e.Path, e.SourceName
		xattrs, err := f.Xattrs()
		seen.Xattrs = xattrs
		seen.Racy = parent.Racy(&seen.Entry, now)
		unread := content.FromSource("read attributes", e.Path, t.losses.Unread(&seen.Entry, err)) // no reason to do without the content
		said := seen.Size
		res, stable, err := t.saveContent(f, &seen, try == attempts)
		switch {
		case err != nil:
			return res, err
		case stable && res.entry.Size != said:
			return res, content.FromSource("read", e.Path, fmt.Errorf(
				"says that it is %s long, %d could be read: these are stored", repository.Bytes(said), res.entry.Size))
		case stable:
			return res, unread
		}
		if try == attempts {
			res.entry.Racy = true
			return res, content.FromSource("read", e.Path, errUnstable)
		}
	}
}

// saveContent reads the file and saves it. stable is false where the file has changed
// meanwhile; it is saved then only if this is the last attempt.
func (t *task) saveContent(f *walk.File, e *walk.Entry, last bool) (_ result, stable bool, err error) {
	if e.Size > content.BufferSize {
		return t.saveLargeOrMakeRoom(f, e, last)
	}
	buf := t.worker.Whole(e.Size + 1)
	n, err := f.ReadAt(buf, 0)
	switch {
	case err == nil: // the file has grown
		return t.saveLargeOrMakeRoom(f, e, last)
	case err != io.EOF:
		return result{}, false, content.FromSource("read", e.Path, err)
	}
	stable = unmoved(f, e)
	if !stable && !last {
		return result{}, false, nil
	}
	setSize(e, int64(n))
	buf = buf[:n]
	e.Digest = t.worker.Digest(buf)
	t.Progress.Bytes.Add(e.Size)
	write := func(out *store.File) error {
		if e.Sparse() && len(bytes.TrimLeft(buf, "\x00")) == 0 {
			return out.Skip(e.Size)
		}
		_, err := out.Write(buf)
		return err
	}
	res, err := t.linkOrCreate(e.Entry, func(e *manifest.Entry) error { return t.tree.create(t, e, write) })
	return res, stable, err
}

// saveLargeOrMakeRoom is saveLarge, and tries once more where the root was full and
// giving up what a run that was cut off has left has freed room.
func (t *task) saveLargeOrMakeRoom(f *walk.File, e *walk.Entry, last bool) (result, bool, error) {
	size := e.Size
	res, stable, err := t.saveLarge(f, e, last)
	if t.rootIsFull(err) && t.makeRoom() {
		e.Size = size
		return t.saveLarge(f, e, last)
	}
	return res, stable, err
}

// setSize sets the size of a file to how much could be read. On some file systems files
// say that they are empty, or one page long, and are not. Whether such a file has
// changed can only be told by reading it, so the next run does.
func setSize(e *walk.Entry, n int64) {
	e.Racy = e.Racy || e.Size != n
	e.Size = n
}

// unmoved reports whether size and times of the file still are those of e.
func unmoved(f *walk.File, e *walk.Entry) bool {
	now, err := f.Stat()
	return err == nil && now.Size == e.Size && now.Mtime == e.Mtime && now.Ctime == e.Ctime
}

// linkOrCreate links the path of the task to a file with the digest of e, or has make
// make the file.
func (t *task) linkOrCreate(e manifest.Entry, make func(*manifest.Entry) error) (result, error) {
	made := e
	res := result{entry: &made, outcome: stored}
	if e.Size == 0 { // a link would save no room
		if err := make(&made); err != nil {
			return absent(e, err)
		}
		return res, nil
	}
	defer t.known.Claim(e.Digest)()
	ok, err := t.linkKnown(&made)
	if err != nil {
		return result{}, err
	}
	if ok {
		res.outcome = linked
		return res, nil
	}
	if err := make(&made); err != nil {
		return absent(e, err)
	}
	return res, t.known.Add(&made)
}

// saveLarge saves a file that does not fit the buffer. It copies and hashes the file in
// one pass, or, where the content is likely to be known, hashes the file first, so that
// it may not have to be copied.
func (t *task) saveLarge(f *walk.File, e *walk.Entry, last bool) (_ result, stable bool, err error) {
	if err := t.fits(e); err != nil {
		res, err := absent(e.Entry, err)
		return res, false, err
	}
	likely, err := t.isLikelyKnown(e)
	if err != nil {
		return result{}, false, err
	}
	hashed := false
	if likely {
		n, err := t.worker.Copy(t.ctx, f, e, nil, &t.Progress.Bytes)
		if err != nil {
			return result{}, false, err
		}
		if hashed = n == e.Size && unmoved(f, e); hashed {
			e.Digest = t.worker.Sum()
			own := e.Entry
			release := t.known.Claim(e.Digest)
			ok, err := t.linkKnown(&own)
			release()
			if err != nil || ok {
				return result{entry: &own, outcome: linked}, true, err
			}
		}
		t.Progress.Bytes.Add(-n)
	}
	out, err := t.tree.scratch(t)
	if err != nil {
		return result{}, false, err
	}
	if out == nil && hashed { // nothing is stored: the file need not be read again
		t.Progress.Bytes.Add(e.Size)
		res, err := t.linkOrCreate(e.Entry, func(*manifest.Entry) error { return nil })
		return res, true, err
	}
	defer t.tree.discard(t, out)
	n, err := t.worker.Copy(t.ctx, f, e, out, &t.Progress.Bytes)
	if _, unread := errors.AsType[*content.SourceError](err); err != nil && !unread {
		res, err := absent(e.Entry, err)
		return res, false, err
	}
	if err != nil {
		return result{}, false, err
	}
	stable = unmoved(f, e)
	if !stable && !last {
		t.Progress.Bytes.Add(-n)
		return result{}, false, nil
	}
	setSize(e, n)
	e.Digest = t.worker.Sum()
	res, err := t.linkOrCreate(e.Entry, func(e *manifest.Entry) error { return t.tree.keep(t, out, e) })
	return res, stable, err
}

// sizeLimit is the smallest limit that a common file system has for the size of a file
// (FAT: 4 GiB).
const sizeLimit = 4 << 30

// fits returns an error where the root can hold no file of that size. Without it the
// error would come after hours of reading.
func (t *task) fits(e *walk.Entry) error {
	if e.Size < sizeLimit {
		return nil
	}
	out, err := t.tree.scratch(t)
	if err != nil || out == nil {
		return err
	}
	defer t.tree.discard(t, out)
	return out.Skip(e.Size)
}

// isLikelyKnown reports whether it is worth while to hash a file before it is copied:
// the root holds another content of that size. The content that the path itself had
// before does not count. Because of that, a file that is changed in place, such as the
// image of a virtual machine, would be read twice in every run.
func (t *task) isLikelyKnown(e *walk.Entry) (bool, error) {
	known, err := t.known.HasSize(t.ctx, e.Size)
	if err != nil || !known {
		return false, err
	}
	for _, own := range []origin{t.parent, t.resumed} {
		if own.entry != nil && own.entry.Kind == manifest.File && own.entry.Size == e.Size {
			return false, nil
		}
	}
	return true, nil
}
