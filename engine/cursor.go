package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"

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
	err    error                 // of the goroutine, valid once chunks is closed
	broken atomic.Pointer[error] // of the first chunk that could not be inflated

	at    position // what is next
	begun []*chunk // since the last take
	over  bool
}

const (
	chunkSize   = 512
	chunksAhead = 8
)

// cursorMode says how a cursor reads.
type cursorMode uint8

const (
	// mayBeCutOff lets the manifest end where it is cut off.
	mayBeCutOff cursorMode = 1 << iota
	// byMarks does not inflate what the walk finds as the marks have it. An
	// entry that the manifest does not hold may in rare cases be taken for
	// another one then, see [position.entryOf].
	byMarks
)

// newCursor reads the manifest in r.
func newCursor(r io.Reader, mode cursorMode, gone func(*manifest.Entry) error) (*cursor, error) {
	m, err := manifest.NewReader(r)
	if err != nil {
		return nil, err
	}
	c := &cursor{header: m.Header, gone: gone, chunks: make(chan *chunk, chunksAhead), spare: make(chan *chunk, chunksAhead), stop: make(chan struct{})}
	go func() {
		defer close(c.chunks)
		for more := true; more; {
			next := c.chunk()
			switch err := next.read(m, mode&byMarks != 0); {
			case err == nil:
			case err == io.EOF, mode&mayBeCutOff != 0 && errors.Is(err, manifest.ErrCutOff):
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

// chunk returns an empty one.
func (c *cursor) chunk() *chunk {
	select {
	case old := <-c.spare:
		return &chunk{cursor: c, entries: old.entries[:0], member: old.member}
	default:
		return &chunk{cursor: c}
	}
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
func openCursor(root *store.Root, ref store.Ref, mode cursorMode, gone func(*manifest.Entry) error) (*cursor, error) {
	file, err := root.OpenManifest(ref)
	if err != nil {
		return nil, &manifestError{ref, err}
	}
	c, err := newCursor(file, mode, gone)
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

// next returns where the next entry is, nowhere after the last.
func (c *cursor) next() position {
	for !c.over && (c.at.chunk == nil || c.at.n == c.at.chunk.len()) {
		next, ok := <-c.chunks
		switch {
		case !ok:
			c.over = true
			c.at = position{}
		case next.len() > 0:
			c.at = position{chunk: next}
			c.begun = append(c.begun, next)
		}
	}
	return c.at
}

// peek returns the next entry, nil after the last.
func (c *cursor) peek() *manifest.Entry {
	at := c.next()
	e := at.entry()
	if e == nil && at.chunk != nil { // it is not to be had, nor what follows
		c.over, c.at = true, position{}
	}
	return e
}

// pass goes on behind the next entry, and returns where that is.
func (c *cursor) pass() position {
	at := c.at
	c.at.n++
	return at
}

// alongside is what a manifest holds of a batch.
type alongside struct {
	folder  position   // of the folder's own entry, in its first batch
	entries []position // for every name of the batch
	begun   []*chunk   // that entries from here on lie in
}

// at returns where the manifest holds what may be that path.
func (a *alongside) at(e *walk.Entry) position {
	if len(a.entries) == 0 {
		return position{}
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
	mark := manifest.MarkPath(folder)
	// passOver passes over the entries that are before what the walk has come to.
	passOver := func(before func(*manifest.Entry) bool) (e *manifest.Entry) {
		for e = c.peek(); e != nil && before(e); e = c.peek() {
			if err == nil {
				err = c.gone(e)
			}
			c.pass()
		}
		return e
	}
	if b.First {
		if c.next().matches(mark, true) {
			a.folder = c.pass()
		} else {
			e := passOver(func(e *manifest.Entry) bool { return manifest.CompareFolders(e.Folder(), folder) < 0 })
			if e != nil && e.Kind == manifest.Dir && e.Path == folder {
				a.folder = c.pass()
			}
		}
	}
	a.entries = slices.Grow(a.entries, len(b.Names))[:len(b.Names)]
	clear(a.entries)
	inFolder := func(e *manifest.Entry) bool { return e.Kind != manifest.Dir && e.Folder() == folder }
	for i, name := range b.Names {
		if c.next().matches(mark.In(folder, name), false) {
			a.entries[i] = c.pass()
			continue
		}
		e := passOver(func(e *manifest.Entry) bool { return inFolder(e) && e.Name() < name })
		if e != nil && inFolder(e) && e.Name() == name {
			a.entries[i] = c.pass()
		}
	}
	if b.Last && !c.next().isDir() {
		passOver(inFolder)
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
	if c == nil {
		return nil
	}
	if err := c.broken.Load(); err != nil {
		return &manifestError{c.ref, fmt.Errorf("%w; move it away and run phlb add to make a new one", *err)}
	}
	if !c.over || c.err == nil {
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
		c.pass()
	}
	return nil
}
