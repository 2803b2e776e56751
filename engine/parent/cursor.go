// Package parent reads the manifest of the snapshot that a run follows, in step
// with a walk over the source, and writes the parts of it that are still right
// into the next manifest.
//
// Most callers [Open] a [Cursor], have it [Cursor.Take] what belongs to each batch
// of the walk, in the order of the walk, and look up each entry's [Position]
// with [Batch.At]. A manifest may turn out to be broken in its middle: callers ask
// [Cursor.Failed] once they have come to an end.
package parent

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

// Cursor reads a manifest in step with a walk, which has the same order. A
// goroutine of its own reads ahead.
type Cursor struct {
	Header manifest.Header
	ref    store.Ref                   // whose manifest it is, for errors
	gone   func(*manifest.Entry) error // called for each entry that the walk does not have
	file   *os.File                    // to be closed with the cursor; nil if it is another's
	chunks chan *chunk
	spare  chan *chunk // chunks to be used again
	stop   chan struct{}
	err    error                 // of the goroutine, valid once chunks is closed
	broken atomic.Pointer[error] // of the first chunk that could not be inflated

	at    Position // of the next entry
	begun []*chunk // the chunks that the cursor has come to since the last Take
	over  bool     // whether no entry is left
}

const (
	chunkSize   = 512
	chunkBytes  = 256 << 10 // of paths and attributes, of which an entry may have many
	chunksAhead = 8
)

// Mode says how a cursor reads.
type Mode uint8

const (
	// MayBeCutOff lets the manifest end where it is cut off.
	MayBeCutOff Mode = 1 << iota
	// ByMarks does not inflate what the walk finds as the marks have it. An
	// entry that the manifest does not hold may in rare cases be taken for
	// another one then, see [Position.EntryOf].
	ByMarks
)

// New reads the manifest in r.
func New(r io.Reader, mode Mode, gone func(*manifest.Entry) error) (*Cursor, error) {
	m, err := manifest.NewReader(r)
	if err != nil {
		return nil, err
	}
	c := &Cursor{Header: m.Header, gone: gone, chunks: make(chan *chunk, chunksAhead), spare: make(chan *chunk, chunksAhead), stop: make(chan struct{})}
	go func() {
		defer close(c.chunks)
		for more := true; more; {
			next := c.chunk()
			switch err := next.read(m, mode&ByMarks != 0); {
			case err == nil:
			case err == io.EOF, mode&MayBeCutOff != 0 && errors.Is(err, manifest.ErrCutOff):
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

// chunk returns an empty chunk.
func (c *Cursor) chunk() *chunk {
	select {
	case old := <-c.spare:
		return &chunk{cursor: c, entries: old.entries[:0], member: old.member}
	default:
		return &chunk{cursor: c}
	}
}

// reuse takes back a chunk of which nobody needs an entry any more.
func (c *Cursor) reuse(old *chunk) {
	select {
	case c.spare <- old:
	default:
	}
}

// Open reads the manifest of a sealed snapshot. Its error is a [*ManifestError].
func Open(root *store.Root, ref store.Ref, mode Mode, gone func(*manifest.Entry) error) (*Cursor, error) {
	file, err := root.OpenManifest(ref)
	if err != nil {
		return nil, &ManifestError{ref, err}
	}
	c, err := New(file, mode, gone)
	if err != nil {
		file.Close()
		return nil, &ManifestError{ref, err}
	}
	if err := checkPlace(root, ref, &c.Header); err != nil {
		c.file = file
		c.Close()
		return nil, &ManifestError{ref, err}
	}
	c.ref, c.file = ref, file
	return c, nil
}

// Close ends the goroutine.
func (c *Cursor) Close() {
	if c != nil {
		close(c.stop)
		for range c.chunks { // until the goroutine has let go of the file
		}
		if c.file != nil {
			c.file.Close()
		}
	}
}

// next returns the position of the next entry, the zero position after the last.
func (c *Cursor) next() Position {
	for !c.over && (c.at.Chunk == nil || c.at.n == c.at.Chunk.len()) {
		next, ok := <-c.chunks
		switch {
		case !ok:
			c.over = true
			c.at = Position{}
		case next.len() > 0:
			c.at = Position{Chunk: next}
			c.begun = append(c.begun, next)
		}
	}
	return c.at
}

// Peek returns the next entry, nil after the last.
func (c *Cursor) Peek() *manifest.Entry {
	at := c.next()
	e := at.Entry()
	if e == nil && at.Chunk != nil { // it is not to be had, nor what follows
		c.over, c.at = true, Position{}
	}
	return e
}

// Pass goes past the next entry, and returns its position.
func (c *Cursor) Pass() Position {
	at := c.at
	c.at.n++
	return at
}

// Batch is what a manifest holds of a batch of the walk.
type Batch struct {
	Folder  Position   // of the folder's own entry, where the batch is the first of the folder
	Entries []Position // for every name of the batch
	Begun   []*chunk   // the chunks that the cursor came to with this batch
}

// At returns where the manifest holds what may be that path.
func (a *Batch) At(e *walk.Entry) Position {
	if len(a.Entries) == 0 {
		return Position{}
	}
	return a.Entries[e.At]
}

// Take fills in a with what the manifest holds of the batch. For each entry that
// lies before the batch, and that the walk so does not have, it calls the function
// gone that the cursor was opened with, and returns the first error of that.
func (c *Cursor) Take(b *walk.Batch, a *Batch) (err error) {
	*a = Batch{Entries: a.Entries[:0]}
	if c == nil || !b.First && !b.Last && len(b.Names) == 0 {
		return nil
	}
	folder := b.Path
	mark := manifest.MarkPath(folder)
	// passOver passes over the entries that are before what the walk has come to.
	passOver := func(before func(*manifest.Entry) bool) (e *manifest.Entry) {
		for e = c.Peek(); e != nil && before(e); e = c.Peek() {
			if err == nil {
				err = c.gone(e)
			}
			c.Pass()
		}
		return e
	}
	if b.First {
		if c.next().matches(mark, true) {
			a.Folder = c.Pass()
		} else {
			e := passOver(func(e *manifest.Entry) bool { return manifest.CompareFolders(e.Folder(), folder) < 0 })
			if e != nil && e.Kind == manifest.Dir && e.Path == folder {
				a.Folder = c.Pass()
			}
		}
	}
	a.Entries = slices.Grow(a.Entries, len(b.Names))[:len(b.Names)]
	clear(a.Entries)
	inFolder := func(e *manifest.Entry) bool { return e.Kind != manifest.Dir && e.Folder() == folder }
	for i, name := range b.Names {
		if c.next().matches(mark.In(folder, name), false) {
			a.Entries[i] = c.Pass()
			continue
		}
		e := passOver(func(e *manifest.Entry) bool { return inFolder(e) && e.Name() < name })
		if e != nil && inFolder(e) && e.Name() == name {
			a.Entries[i] = c.Pass()
		}
	}
	if b.Last && !c.next().isDir() {
		passOver(inFolder)
	}
	a.Begun, c.begun = c.begun, nil
	return err
}

// Follow is Take for a batch that keeps what was taken, and nothing else, in its
// Data.
func (c *Cursor) Follow(b *walk.Batch) (*Batch, error) {
	a, ok := b.Data.(*Batch)
	if !ok {
		a = &Batch{}
		b.Data = a
	}
	return a, c.Take(b, a)
}

// Failed returns the error that ended the manifest too early, once the walk has
// come to that place, as a [*ManifestError].
func (c *Cursor) Failed() error {
	if c == nil {
		return nil
	}
	if err := c.broken.Load(); err != nil {
		failed := &ManifestError{c.ref, *err}
		if failed.Damaged() {
			failed.Err = fmt.Errorf("%w; move it away and run phlb add to make a new one", *err)
		}
		return failed
	}
	if !c.over || c.err == nil {
		return nil
	}
	return &ManifestError{c.ref, c.err}
}

// Rest calls gone for each entry that is left once the walk has ended, and returns
// the first error of that.
func (c *Cursor) Rest() error {
	if c == nil {
		return nil
	}
	for e := c.Peek(); e != nil; e = c.Peek() {
		if err := c.gone(e); err != nil {
			return err
		}
		c.Pass()
	}
	return nil
}
