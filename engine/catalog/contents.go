package catalog

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"sync"

	"phlb/engine/manifest"
)

// Contents tells where a content can be found. It is what the catalog held when
// it was made, and outlives the catalog; its methods may be called from several
// goroutines.
type Contents struct {
	spool    *os.File
	unlinked bool
	places   [1 << placesBits]places // by the first bits of the prefix
	sizes    []int64                 // sorted, each once
	names    names
}

// places are sorted when they are first asked for: most are not, by a run that
// changes little, which waits for the rest.
type places struct {
	list []place
	sort sync.Once
}

// A place is where the spool says more of a file whose digest starts with
// prefix.
type place struct {
	prefix uint64
	// The low bits are the offset; the others count the snapshots newer than
	// the last that holds the file, so that the newest are sorted to the front.
	at uint64
}

const (
	offsetBits = 44
	placesBits = 8
)

// placesOf returns those to which a prefix belongs.
func (t *Contents) placesOf(prefix uint64) *places { return &t.places[prefix>>(64-placesBits)] }

// sorted returns the list, in order.
func (p *places) sorted() []place {
	p.sort.Do(func() {
		slices.SortFunc(p.list, func(a, b place) int {
			return cmp.Or(cmp.Compare(a.prefix, b.prefix), cmp.Compare(a.at, b.at))
		})
	})
	return p.list
}

// Content is a file that had a digest when its snapshots were sealed.
type Content struct {
	Path   string
	Size   int64
	Digest manifest.Digest
	Stored manifest.Stored // what the inode in the snapshots has
	Xattrs []manifest.Xattr
	// Snapshots are those that hold it, the last absorbed first.
	Snapshots []Snapshot
}

// Contents reads all versions once and returns the files that the root holds,
// without the empty ones. It takes about 20 bytes of memory for each, and a
// temporary file. The caller must close it.
func (c *Catalog) Contents(ctx context.Context) (*Contents, error) {
	err := c.rlock(ctx)
	if err != nil {
		return nil, fmt.Errorf("read contents: %w", err)
	}
	defer c.mu.RUnlock()
	t, err := c.readContents(ctx)
	if err != nil {
		return nil, fmt.Errorf("read contents: %w", err)
	}
	return t, nil
}

func (c *Catalog) readContents(ctx context.Context) (_ *Contents, err error) {
	all, err := c.db.findSnapshots(ctx)
	if err != nil {
		return nil, err
	}
	t := &Contents{names: namesOf(all)}
	if t.spool, err = os.CreateTemp(c.private.dir, "contents-*"); err != nil {
		return nil, err
	}
	// Some systems delete no open file; there Close does it.
	t.unlinked = os.Remove(t.spool.Name()) == nil
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	slices.SortFunc(all, newestFirst)
	age := map[ID]uint64{}
	for i := range all {
		age[all[i].ID] = uint64(i)
	}
	var buf []byte
	offset := uint64(0)
	var since, until ID // of the version before, which most have in common with it
	var live []Snapshot
	var lately [4096]int64 // sizes, of which there are fewer than files
	err = c.db.scanVersions(ctx, nil, func(v *version, at position) (bool, error) {
		if v.size == 0 || v.kind != manifest.File {
			return true, nil
		}
		if v.since != since || v.until != until {
			since, until = v.since, v.until
			live = t.names.holding(v.since, v.until)
		}
		if v.stored == absent || len(live) == 0 {
			return true, nil
		}
		p := place{binary.BigEndian.Uint64(v.digest[:]), offset + uint64(len(buf)) | age[live[0].ID]<<offsetBits}
		of := t.placesOf(p.prefix)
		of.list = append(of.list, p)
		if known := &lately[uint64(v.size)%uint64(len(lately))]; *known != v.size {
			*known = v.size
			t.sizes = append(t.sizes, v.size)
		}
		buf = binary.LittleEndian.AppendUint32(buf, uint32(len(at.columns)))
		buf = append(buf, at.columns...)
		if len(buf) < 1<<16 {
			return true, nil
		}
		offset += uint64(len(buf))
		_, err := t.spool.Write(buf)
		buf = buf[:0]
		return true, err
	})
	if err != nil {
		return nil, err
	}
	if _, err := t.spool.Write(buf); err != nil {
		return nil, err
	}
	slices.Sort(t.sizes)
	t.sizes = slices.Clone(slices.Compact(t.sizes))
	return t, nil
}

// Len returns how many files there are.
func (t *Contents) Len() int {
	n := 0
	for i := range t.places {
		n += len(t.places[i].list)
	}
	return n
}

// HasSize reports whether a file is n bytes long.
func (t *Contents) HasSize(n int64) bool {
	_, found := slices.BinarySearch(t.sizes, n)
	return found
}

// Lookup returns at most limit files of a digest, those of the newest snapshots
// first.
func (t *Contents) Lookup(d manifest.Digest, limit int) ([]Content, error) {
	prefix := binary.BigEndian.Uint64(d[:])
	places := t.placesOf(prefix).sorted()
	i := sort.Search(len(places), func(i int) bool { return places[i].prefix >= prefix })
	var found []Content
	for ; i < len(places) && places[i].prefix == prefix && len(found) < limit; i++ {
		content, err := t.read(int64(places[i].at & (1<<offsetBits - 1)))
		if err != nil {
			return nil, fmt.Errorf("look up %v: %w", d, err)
		}
		if content.Digest == d {
			found = append(found, content)
		}
	}
	return found, nil
}

// Close deletes the temporary file.
func (t *Contents) Close() error {
	err := t.spool.Close()
	if !t.unlinked {
		os.Remove(t.spool.Name())
	}
	return err
}

// read returns what the spool holds at an offset: a length of four bytes, and the
// columns of the row as they stood in the table.
func (t *Contents) read(offset int64) (c Content, err error) {
	var most [512]byte
	b := most[:]
	n, err := t.spool.ReadAt(b, offset)
	if err != nil && err != io.EOF || n < 4 {
		return c, err
	}
	b = b[4:n]
	length := int(binary.LittleEndian.Uint32(most[:]))
	if length > len(b) {
		b = make([]byte, length)
		if _, err := t.spool.ReadAt(b, offset+4); err != nil {
			return c, err
		}
	}
	row := values{rest: b[:length]}
	v := version{path: row.text()}
	if err := v.read(&row); err != nil {
		return c, err
	}
	e, err := v.entry()
	if err != nil {
		return c, err
	}
	return Content{
		Path: e.Path, Size: e.Size, Digest: e.Digest, Stored: e.InSnapshot(), Xattrs: e.Xattrs,
		Snapshots: t.names.holding(v.since, v.until),
	}, nil
}
