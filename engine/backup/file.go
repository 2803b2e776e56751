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

// attempts is how often a file that changes while it is read is read.
const attempts = 3

// errUnstable is the error of a file that never was the same for long enough.
var errUnstable = errors.New("changes while it is read: what was read is stored, it may be inconsistent")

// file brings in a regular file that is new, or not known to be unchanged.
func (t *task) file(e *walk.Entry) (result, error) {
	f, err := t.target.folder.Dir.File(t.name)
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
		seen.Path = e.Path
		xattrs, err := f.Xattrs()
		seen.Xattrs = xattrs
		seen.Racy = parent.Racy(&seen.Entry, now)
		unread := content.FromSource("read attributes", e.Path, t.seen(&seen.Entry, err)) // no reason to do without the content
		said := seen.Size
		res, stable, err := t.content(f, &seen, try == attempts)
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

// content reads the file and brings it in. Where it changed meanwhile, stable
// is false and nothing was brought in, unless it is the last try.
func (t *task) content(f *walk.File, e *walk.Entry, last bool) (_ result, stable bool, err error) {
	if e.Size > content.BufferSize {
		return t.largeOrRoom(f, e, last)
	}
	buf := t.worker.Whole(e.Size + 1)
	n, err := f.ReadAt(buf, 0)
	switch {
	case err == nil: // it goes on after its end
		return t.largeOrRoom(f, e, last)
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
	res, err := t.place(e.Entry, func(e *manifest.Entry) error { return t.tree.create(t, e, write) })
	return res, stable, err
}

// largeOrRoom is large, and tries once more where the root was full and what a run
// that was cut off has left could be given up.
func (t *task) largeOrRoom(f *walk.File, e *walk.Entry, last bool) (result, bool, error) {
	size := e.Size
	res, stable, err := t.large(f, e, last)
	if t.rootIsFull(err) && t.makeRoom() {
		e.Size = size
		return t.large(f, e, last)
	}
	return res, stable, err
}

// setSize takes the size of a file from how much could be read. Files of some file
// systems say that they are empty, or of one page, and are not; whether such a file
// has changed, a look does not tell.
func setSize(e *walk.Entry, n int64) {
	e.Racy = e.Racy || e.Size != n
	e.Size = n
}

// unmoved reports whether the file still is what it was when e was looked at.
func unmoved(f *walk.File, e *walk.Entry) bool {
	now, err := f.Stat()
	return err == nil && now.Size == e.Size && now.Mtime == e.Mtime && now.Ctime == e.Ctime
}

// place links the path to a file of e's digest, or has one made.
func (t *task) place(e manifest.Entry, make func(*manifest.Entry) error) (result, error) {
	res := result{entry: e, outcome: stored}
	if e.Size == 0 { // nothing to save
		if err := make(&res.entry); err != nil {
			return absent(e, err)
		}
		return res, nil
	}
	defer t.known.Claim(e.Digest)()
	ok, err := t.linkKnown(&res.entry)
	if err != nil {
		return result{}, err
	}
	if ok {
		res.outcome = linked
		return res, nil
	}
	if err := make(&res.entry); err != nil {
		return absent(e, err)
	}
	return res, t.known.Add(&res.entry)
}

// large brings in a file that does not fit the buffer: in one pass that copies and
// hashes, or, where its content is likely to be known, hashed first so that it need
// not be copied.
func (t *task) large(f *walk.File, e *walk.Entry, last bool) (_ result, stable bool, err error) {
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
			res := result{entry: e.Entry, outcome: linked}
			release := t.known.Claim(e.Digest)
			ok, err := t.linkKnown(&res.entry)
			release()
			if err != nil || ok {
				return res, true, err
			}
		}
		t.Progress.Bytes.Add(-n)
	}
	out, err := t.tree.scratch(t)
	if err != nil {
		return result{}, false, err
	}
	if out == nil && hashed { // there is nothing to read it again for
		t.Progress.Bytes.Add(e.Size)
		res, err := t.place(e.Entry, func(*manifest.Entry) error { return nil })
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
	res, err := t.place(e.Entry, func(e *manifest.Entry) error { return t.tree.keep(t, out, e) })
	return res, stable, err
}

// sizeAsked is from where on a size may be more than a file system can hold.
const sizeAsked = 4 << 30

// fits returns an error where the root can hold no file of that size, which
// would else be known only after hours of reading.
func (t *task) fits(e *walk.Entry) error {
	if e.Size < sizeAsked {
		return nil
	}
	out, err := t.tree.scratch(t)
	if err != nil || out == nil {
		return err
	}
	defer t.tree.discard(t, out)
	return out.Skip(e.Size)
}

// isLikelyKnown reports whether it is worth while to hash a file before it is
// copied: where the root holds a content of that size. A path that had the same
// size before is left out. A file that is changed in place, such as the image of a
// virtual machine, would be read twice on every run because of its own older
// contents.
func (t *task) isLikelyKnown(e *walk.Entry) (bool, error) {
	known, err := t.known.HasSize(t.ctx, e.Size)
	if err != nil || !known {
		return false, err
	}
	for _, own := range []origin{t.previous, t.resumed} {
		if own.entry != nil && own.entry.Kind == manifest.File && own.entry.Size == e.Size {
			return false, nil
		}
	}
	return true, nil
}
