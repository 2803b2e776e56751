package catalog

import (
	"errors"
	"io"
	"os"

	"modernc.org/lldb"
)

var _ lldb.OSFile = (*pages)(nil)

var errStopped = errors.New("read was stopped")

// pages is the private file as QL sees it. QL would map it for writing, which
// has three faults that matter here: a full disk shows as a fault instead of an
// error, two readers race for the table of mappings, and closing syncs what may
// be about to be deleted. Here reads are served from a read-only mapping, where
// there is one, and writes are writes.
type pages struct {
	*os.File
	mapped []byte // the file from its start, and what it may grow by
	size   int64
	failed error           // of the first write that did
	stop   <-chan struct{} // closed to make reads fail
}

// openPages opens the file. Once stop is closed, reads fail: that is the only
// way to end a statement of QL's that yields no rows for long.
func openPages(name string, flag int, stop <-chan struct{}) (*pages, error) {
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	p := &pages{File: f, size: info.Size(), stop: stop}
	p.remap()
	return p, nil
}

// remap maps the file and room to grow. Where that fails there is no mapping,
// and reads go to the file.
func (p *pages) remap() {
	p.unmap()
	const room = 1 << 20
	if n := p.size + p.size/4 + room; int64(int(n)) == n {
		p.mapped = mapFile(p.File, int(n))
	}
}

func (p *pages) unmap() {
	if p.mapped != nil {
		unmapFile(p.mapped)
		p.mapped = nil
	}
}

func (p *pages) ReadAt(b []byte, off int64) (int, error) {
	select {
	case <-p.stop:
		return 0, errStopped
	default:
	}
	if off < 0 || off >= p.size {
		return 0, io.EOF
	}
	end := min(off+int64(len(b)), p.size)
	if end > int64(len(p.mapped)) {
		return p.File.ReadAt(b, off)
	}
	n := copy(b, p.mapped[off:end])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt is called by QL with its exclusive lock held, so no read sees the
// mapping change.
func (p *pages) WriteAt(b []byte, off int64) (int, error) {
	n, err := p.File.WriteAt(b, off)
	p.note(err)
	if end := off + int64(n); end > p.size {
		p.size = end
		if p.mapped != nil && end > int64(len(p.mapped)) {
			p.remap()
		}
	}
	return n, err
}

func (p *pages) note(err error) {
	if p.failed == nil {
		p.failed = err
	}
}

func (p *pages) Truncate(size int64) error {
	if err := p.File.Truncate(size); err != nil {
		p.note(err)
		return err
	}
	p.size = size
	if p.mapped != nil && size > int64(len(p.mapped)) {
		p.remap()
	}
	return nil
}

// Sync does nothing: no commit on the private copy counts until Publish has
// synced all of it.
func (p *pages) Sync() error { return nil }

// Close is what QL calls, and does nothing: the file is still to be synced, or
// QL may not get as far as closing it.
func (p *pages) Close() error { return nil }

// release closes the file.
func (p *pages) release() error {
	p.unmap()
	return p.File.Close()
}
