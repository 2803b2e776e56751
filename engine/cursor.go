package engine

import (
	"errors"
	"io"
	"os"

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
	chunks chan []manifest.Entry
	stop   chan struct{}
	err    error // of the goroutine, valid once chunks is closed

	chunk []manifest.Entry // what is left of the one at hand
	over  bool
}

const (
	chunkSize   = 256
	chunksAhead = 4
)

// newCursor reads the manifest in r. A manifest that is cut off ends where it
// is cut off if that is allowed.
func newCursor(r io.Reader, mayBeCutOff bool, gone func(*manifest.Entry) error) (*cursor, error) {
	m, err := manifest.NewReader(r)
	if err != nil {
		return nil, err
	}
	c := &cursor{header: m.Header, gone: gone, chunks: make(chan []manifest.Entry, chunksAhead), stop: make(chan struct{})}
	go func() {
		defer close(c.chunks)
		for more := true; more; {
			chunk := make([]manifest.Entry, chunkSize)
			n := 0
			for n < len(chunk) && more {
				switch err := m.Next(&chunk[n]); {
				case err == nil:
					n++
				case err == io.EOF, mayBeCutOff && errors.Is(err, manifest.ErrCutOff):
					more = false
				default:
					c.err = err
					more = false
				}
			}
			select {
			case c.chunks <- chunk[:n]:
			case <-c.stop:
				return
			}
		}
	}()
	return c, nil
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
	for len(c.chunk) == 0 {
		if c.over {
			return nil
		}
		chunk, ok := <-c.chunks
		c.chunk, c.over = chunk, !ok
	}
	return &c.chunk[0]
}

func (c *cursor) next() { c.chunk = c.chunk[1:] }

// alongside is what a manifest holds of a batch.
type alongside struct {
	folder  *manifest.Entry   // the folder's own entry, in its first batch
	entries []*manifest.Entry // for every name of the batch, or nil
}

// take returns what belongs to the batch, and passes over what lies before it.
// Errors are those of gone.
func (c *cursor) take(b *walk.Batch) (a alongside, err error) {
	if c == nil || !b.First && !b.Last && len(b.Names) == 0 {
		return a, nil
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
	if len(b.Names) > 0 {
		a.entries = make([]*manifest.Entry, len(b.Names))
	}
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
	return a, err
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
