package qlfile

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"strings"
	"sync"

	"modernc.org/lldb"

	"phlb/engine/publish"
)

var _ lldb.OSFile = (*pages)(nil)

var errStopped = errors.New("read was stopped")

// layers are a database to be read: the published one, and over it the blocks
// that were changed, which lie in a private file. So nothing is copied to read a
// catalog, however large it is.
type layers struct {
	base    *packed         // the published file; nil if there is none
	changes *os.File        // the private file; nil if there is none
	changed map[int64]int64 // of the blocks that lie in it, where
	size    int64
}

// read reads block n. What was never written is zeros. It may be called from
// any goroutine.
func (l *layers) read(n int64, data []byte) error {
	if at, ok := l.changed[n]; ok {
		return readFrom(l.changes, at, data)
	}
	if l.base != nil && n*blockSize < l.base.size {
		return l.base.read(n, data)
	}
	clear(data)
	return nil
}

// readFrom reads a block; what is behind the end of the file is zeros.
func readFrom(file io.ReaderAt, at int64, data []byte) error {
	done, err := file.ReadAt(data, at)
	clear(data[done:])
	if err == io.EOF {
		err = nil
	}
	return err
}

// pages are layers as QL sees them, and can change: a descriptor that cannot
// write is all that there is of the published file.
type pages struct {
	*os.File // the private file
	layers
	end    int64           // of that
	frozen int64           // what lies before is never written to again, see freeze
	failed error           // of the first read or write that did
	looked bool            // something was read or written beyond what tells a database
	stop   <-chan struct{} // closed to make reads fail

	mu    sync.Mutex
	cache [cachedBlocks]block
}

// cachedBlocks is how many blocks stay in memory: 8 MiB.
const cachedBlocks = 128

// A block is a part of the database.
type block struct {
	n    int64
	data []byte // nil where there is none
}

// newPages returns an empty database, with what is written going to the file,
// which is empty.
func newPages(file *os.File) *pages {
	return &pages{File: file, layers: layers{changes: file, changed: map[int64]int64{}}}
}

// lay puts a published file under what is going to be written.
func (p *pages) lay(file *os.File) (err error) {
	if p.base, err = openPacked(file); err == nil {
		p.size = p.base.size
	}
	return err
}

// view returns the same database for a reader of its own. Once stop is closed,
// its reads fail: that is the only way to end a statement of QL's that yields
// no rows for long. It must not be written to, and is good until p is.
func (p *pages) view(stop <-chan struct{}) *pages {
	return &pages{File: p.File, layers: p.layers, stop: stop}
}

// freeze returns the database as it is now, which stays so: blocks that are
// changed from now on go to another place in the private file.
func (p *pages) freeze() (layers, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := layers{base: p.base, size: p.size}
	if len(p.changed) > 0 {
		file, err := publish.Open(p.File.Name(), 0) // which can be deleted meanwhile
		if err != nil {
			return l, err
		}
		l.changes, l.changed = file, maps.Clone(p.changed)
		p.frozen = p.end
	}
	if l.base != nil {
		l.base.keep()
	}
	return l, nil
}

// release closes the files.
func (l *layers) release() error {
	var err error
	if l.changes != nil {
		err = l.changes.Close()
	}
	if l.base != nil {
		err = errors.Join(err, l.base.release())
	}
	return err
}

// block returns block n from the cache.
func (p *pages) block(n int64) ([]byte, error) {
	slot := &p.cache[n%cachedBlocks]
	if slot.data != nil && slot.n == n {
		return slot.data, nil
	}
	data := make([]byte, blockSize)
	if err := p.read(n, data); err != nil {
		p.note(err)
		return nil, err
	}
	*slot = block{n, data}
	return data, nil
}

func (p *pages) ReadAt(b []byte, off int64) (int, error) {
	select {
	case <-p.stop:
		return 0, errStopped
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looked = p.looked || off > 0 || len(b) > 16
	done := 0
	for done < len(b) {
		at := off + int64(done)
		if at < 0 || at >= p.size {
			return done, io.EOF
		}
		data, err := p.block(at / blockSize)
		if err != nil {
			return done, err
		}
		from := at % blockSize
		done += copy(b[done:], data[from:min(blockSize, from+p.size-at)])
	}
	return done, nil
}

// WriteAt is called by QL with its exclusive lock held.
func (p *pages) WriteAt(b []byte, off int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looked = true
	done := 0
	for done < len(b) {
		at := off + int64(done)
		n, from := at/blockSize, at%blockSize
		part := b[done:min(int64(len(b)), int64(done)+blockSize-from)]
		if err := p.writeBlock(n, from, part); err != nil {
			p.note(err)
			return done, err
		}
		done += len(part)
		p.size = max(p.size, at+int64(len(part)))
	}
	return done, nil
}

// writeBlock changes a part of block n. The first time, all of it goes to the
// private file.
func (p *pages) writeBlock(n, from int64, part []byte) error {
	data, err := p.block(n)
	if err != nil {
		return err
	}
	copy(data[from:], part)
	at, ok := p.changed[n]
	if !ok || at < p.frozen {
		return p.put(n, data)
	}
	_, err = p.File.WriteAt(part, at+from)
	return err
}

// put writes all of block n to the private file.
func (p *pages) put(n int64, data []byte) error {
	at, ok := p.changed[n]
	if !ok || at < p.frozen {
		at = p.end
	}
	if _, err := p.File.WriteAt(data, at); err != nil {
		return err
	}
	p.changed[n], p.end = at, max(p.end, at+blockSize)
	return nil
}

// replace changes all of block n.
func (p *pages) replace(n int64, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cache[n%cachedBlocks] = block{}
	err := p.put(n, data)
	if err != nil {
		p.note(err)
	}
	return err
}

// ofQL reports whether there is a database, or nothing at all.
func (p *pages) ofQL() bool {
	if p.size == 0 {
		return true
	}
	data := make([]byte, blockSize)
	return p.size >= 16 && p.read(0, data) == nil && strings.HasPrefix(string(data), qlMagic)
}

func (p *pages) note(err error) {
	if p.failed == nil {
		p.failed = err
	}
}

// Truncate is told of pages at the end that are not in use any more.
func (p *pages) Truncate(size int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size < p.size && size%blockSize != 0 {
		// What is behind the end reads as zeros if the file grows again.
		if err := p.writeBlock(size/blockSize, size%blockSize, make([]byte, blockSize-size%blockSize)); err != nil {
			p.note(err)
			return err
		}
	}
	for n := (size + blockSize - 1) / blockSize; n*blockSize < p.size; n++ {
		if err := p.writeBlock(n, 0, make([]byte, blockSize)); err != nil {
			p.note(err)
			return err
		}
	}
	p.size = size
	return nil
}

// Stat tells the size of the database.
func (p *pages) Stat() (fs.FileInfo, error) {
	info, err := p.File.Stat()
	if err != nil {
		p.mu.Lock()
		p.note(err)
		p.mu.Unlock()
	}
	return sized{info, p.size}, err
}

type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

// Sync does nothing: no commit to the private file counts until Publish has
// synced all of it.
func (p *pages) Sync() error { return nil }

// Close is what QL calls, and does nothing: the database is still to be
// published, or QL may not get as far as closing it.
func (p *pages) Close() error { return nil }
