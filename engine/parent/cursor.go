// Package parent reads the manifest of a parent snapshot in step with a walk over the
// source, and copies the parts that are still right into the next manifest. The parent of
// a backup is the newest snapshot of the same name.
//
// Most callers [Open] a [Cursor], call [Cursor.Take] with each batch of the walk, in order,
// and look up the [Position] of an entry with [Batch.At]. A manifest may turn out to be
// broken in its middle, so callers ask [Cursor.Failed] in the end.
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

// Cursor reads a manifest in step with a walk, which has the same order. A goroutine of the
// cursor reads in advance.
type Cursor struct {
	Header manifest.Header
	ref    store.Ref                   // the snapshot of the manifest, for errors
	gone   func(*manifest.Entry) error // called with each entry that the walk does not have
	file   *os.File                    // closed with the cursor; nil where the caller closes it
	chunks chan *chunk
	spare  chan *chunk // chunks to be used again
	stop   chan struct{}
	err    error                 // the error that ended the goroutine; valid once chunks is closed
	broken atomic.Pointer[error] // the error of the first chunk that could not be inflated

	at    Position // the position of the next entry
	batch *Batch   // of the Take under way: it notes the chunks that the cursor comes to
	over  bool     // whether no entry is left
}

const (
	chunkSize   = 512
	chunkBytes  = 256 << 10 // of paths and attributes: an entry may have many attributes
	chunksAhead = 8
)

// Mode says how a cursor reads.
type Mode uint8

const (
	// MayBeCutOff accepts a manifest that is cut off, and reads it up to there.
	MayBeCutOff Mode = 1 << iota
	// ByMarks compares marks, and does not inflate a member as long as they match. In rare
	// cases a path that the manifest does not hold is taken for another one then, see
	// [Position.EntryOf].
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

// reuse takes back a chunk whose entries nobody needs any more.
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

// Close ends the goroutine, and closes the file if Open has opened it.
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

// next returns the position of the next entry; after the last one, the zero Position.
func (c *Cursor) next() Position {
	for !c.over && (c.at.Chunk == nil || c.at.n == c.at.Chunk.len()) {
		next, ok := <-c.chunks
		switch {
		case !ok:
			c.over = true
			c.at = Position{}
		case next.len() > 0:
			c.at = Position{Chunk: next}
			if c.batch != nil {
				c.batch.Begun = append(c.batch.Begun, next)
			}
		}
	}
	return c.at
}

// Peek returns the next entry; nil after the last one.
func (c *Cursor) Peek() *manifest.Entry {
	at := c.next()
	e := at.Entry()
	if e == nil && at.Chunk != nil { // it cannot be inflated: what follows is not used either
		c.over, c.at = true, Position{}
	}
	return e
}

// Pass moves past the next entry, and returns its position.
func (c *Cursor) Pass() Position {
	at := c.at
	c.at.n++
	return at
}

// Batch holds the positions in a manifest of the entries of a batch of the walk.
type Batch struct {
	Folder  Position   // of the folder, if the batch is the first of the folder
	Entries []Position // of the names of the batch
	Begun   []*chunk   // the chunks that the cursor has come to with this batch
}

// At returns the position of an entry of the batch. By marks it may be that of another
// path, see [Position.EntryOf].
func (a *Batch) At(e *walk.Entry) Position {
	if len(a.Entries) == 0 {
		return Position{}
	}
	return a.Entries[e.At]
}

// Take fills in a with the positions of the entries of the batch. It calls the function
// gone of the cursor with each entry that it passes and that the walk does not have, and
// returns the first error of gone.
func (c *Cursor) Take(b *walk.Batch, a *Batch) (err error) {
	*a = Batch{Entries: a.Entries[:0]}
	if c == nil || !b.First && !b.Last && len(b.Names) == 0 {
		return nil
	}
	c.batch = a
	defer func() { c.batch = nil }()
	folder := b.Path
	mark := manifest.MarkPath(folder)
	// passOver passes over entries as long as before returns true for them.
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
	return err
}

// Follow is Take for a walk whose batches keep the positions, and nothing else, in Data.
func (c *Cursor) Follow(b *walk.Batch) (*Batch, error) {
	a, ok := b.Data.(*Batch)
	if !ok {
		a = &Batch{}
		b.Data = a
	}
	return a, c.Take(b, a)
}

// Failed returns the error that has ended the manifest too early, as a [*ManifestError],
// once the walk has come to that entry.
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

// Rest calls gone with each entry that is left when the walk has ended, and returns the
// first error of gone.
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
