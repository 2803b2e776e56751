package engine

import (
	"errors"
	"io"
	"os"
	"slices"

	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// cursor reads a manifest alongside a walk, which has the same order. Another
// goroutine reads ahead.
type cursor struct {
	header manifest.Header
	ref    store.Ref                   // whose manifest it is, for errors
	gone   func(*manifest.Entry) error // called for what the walk passes over
	file   *os.File                    // to be closed with the cursor; nil if it is another's
	chunks chan *chunk
	spare  chan *chunk // that nobody looks at any more
	stop   chan struct{}
	err    error // of the goroutine, valid once chunks is closed

	left  []manifest.Entry // of the chunk at hand
	begun []*chunk         // since the last take
	over  bool
}

// chunk is a run of entries: all that a member of the file holds, if member is
// not empty.
type chunk struct {
	entries []manifest.Entry
	member  manifest.Member
}

const (
	chunkSize   = 4096 // a member of usual length holds less
	chunksAhead = 2
)

// newCursor reads the manifest in r. A manifest that is cut off ends where it
// is cut off if that is allowed.
func newCursor(r io.Reader, mayBeCutOff bool, gone func(*manifest.Entry) error) (*cursor, error) {
	m, err := manifest.NewReader(r)
	if err != nil {
		return nil, err
	}
	c := &cursor{header: m.Header, gone: gone, chunks: make(chan *chunk, chunksAhead), spare: make(chan *chunk, chunksAhead), stop: make(chan struct{})}
	go func() {
		defer close(c.chunks)
		from := int64(-1) // where a member begins if the chunk before ended with one
		size := 256
		for more := true; more; {
			var next *chunk
			next, from, err = c.read(m, size, from)
			size = len(next.entries) + 1 // members are of one length, more or less
			switch {
			case err == nil:
			case err == io.EOF, mayBeCutOff && errors.Is(err, manifest.ErrCutOff):
				more = false
			default:
				c.err = err
				more = false
			}
			select {
			case c.chunks <- next:
			case <-c.stop:
				return
			}
		}
	}()
	return c, nil
}

// read reads up to the end of a member, about size entries, and returns where
// that is, or -1 if it did not come there. Somebody else's members may end within
// a line, so one that begins at from is all of the chunk, and only that.
func (c *cursor) read(m *manifest.Reader, size int, from int64) (next *chunk, end int64, err error) {
	select {
	case next = <-c.spare:
		*next = chunk{entries: next.entries[:0]}
	default:
		next = &chunk{entries: make([]manifest.Entry, 0, size)}
	}
	for len(next.entries) < chunkSize {
		next.entries = slices.Grow(next.entries, 1)[:len(next.entries)+1]
		if err := m.Next(&next.entries[len(next.entries)-1]); err != nil {
			next.entries = next.entries[:len(next.entries)-1]
			return next, -1, err
		}
		member, last := m.Member()
		if last {
			if member.Start == from {
				next.member = member
			}
			return next, member.End, nil
		}
	}
	return next, -1, nil
}

// reuse takes back a chunk that nobody looks at any more.
func (c *cursor) reuse(old *chunk) {
	select {
	case c.spare <- old:
	default:
	}
}

// openCursor reads the manifest of a sealed snapshot. Its error is a
// manifestError.
func openCursor(root *store.Root, ref store.Ref, gone func(*manifest.Entry) error) (*cursor, error) {
	file, err := root.OpenManifest(ref)
	if err != nil {
		return nil, &manifestError{ref, err}
	}
	c, err := newCursor(file, false, gone)
	if err != nil {
		file.Close()
		return nil, &manifestError{ref, err}
	}
	c.ref, c.file = ref, file
	return c, nil
}

// close ends the goroutine.
func (c *cursor) close() {
	if c != nil {
		close(c.stop)
		for range c.chunks { // until the goroutine has let go of the file
		}
		if c.file != nil {
			c.file.Close()
		}
	}
}

// peek returns the next entry, nil after the last.
func (c *cursor) peek() *manifest.Entry {
	for len(c.left) == 0 {
		if c.over {
			return nil
		}
		chunk, ok := <-c.chunks
		if c.over = !ok; ok && len(chunk.entries) > 0 {
			c.left = chunk.entries
			c.begun = append(c.begun, chunk)
		}
	}
	return &c.left[0]
}

func (c *cursor) next() { c.left = c.left[1:] }

// alongside is what a manifest holds of a batch.
type alongside struct {
	folder  *manifest.Entry   // the folder's own entry, in its first batch
	entries []*manifest.Entry // for every name of the batch, nil where there is none
	begun   []*chunk          // that entries from here on lie in
}

// entry returns what the manifest holds of that path, or nil.
func (a *alongside) entry(e *walk.Entry) *manifest.Entry {
	if len(a.entries) == 0 {
		return nil
	}
	return a.entries[e.At]
}

// take fills in a with what belongs to the batch, and passes over what lies
// before it. Errors are those of gone.
func (c *cursor) take(b *walk.Batch, a *alongside) (err error) {
	*a = alongside{entries: a.entries[:0]}
	if c == nil || !b.First && !b.Last && len(b.Names) == 0 {
		return nil
	}
	folder := b.Folder.Path
	// pass passes over the entries that are before what the walk has come to.
	pass := func(before func(*manifest.Entry) bool) (e *manifest.Entry) {
		for e = c.peek(); e != nil && before(e); e = c.peek() {
			if err == nil {
				err = c.gone(e)
			}
			c.next()
		}
		return e
	}
	if b.First {
		e := pass(func(e *manifest.Entry) bool { return manifest.CompareFolders(e.Folder(), folder) < 0 })
		if e != nil && e.Kind == manifest.Dir && e.Path == folder {
			a.folder = e
			c.next()
		}
	}
	a.entries = slices.Grow(a.entries, len(b.Names))[:len(b.Names)]
	clear(a.entries)
	inFolder := func(e *manifest.Entry) bool { return e.Kind != manifest.Dir && e.Folder() == folder }
	for i, name := range b.Names {
		e := pass(func(e *manifest.Entry) bool { return inFolder(e) && e.Name() < name })
		if e != nil && inFolder(e) && e.Name() == name {
			a.entries[i] = e
			c.next()
		}
	}
	if b.Last {
		pass(inFolder)
	}
	a.begun, c.begun = c.begun, nil
	return err
}

// follow takes what belongs to a batch whose Data is nothing else.
func (c *cursor) follow(b *walk.Batch) (*alongside, error) {
	a, ok := b.Data.(*alongside)
	if !ok {
		a = &alongside{}
		b.Data = a
	}
	return a, c.take(b, a)
}

// failed returns the error that ended the manifest before its time, once the
// walk has come to it.
func (c *cursor) failed() error {
	if c == nil || !c.over || c.err == nil {
		return nil
	}
	return &manifestError{c.ref, c.err}
}

// rest passes over what is left once the walk has ended. Errors are those of
// gone.
func (c *cursor) rest() error {
	if c == nil {
		return nil
	}
	for e := c.peek(); e != nil; e = c.peek() {
		if err := c.gone(e); err != nil {
			return err
		}
		c.next()
	}
	return nil
}
