package catalog

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"

	"phlb/engine/manifest"
)

// Contents tells where a content can be found. It is what the catalog held when
// it was made, and outlives the catalog; its methods may be called from several
// goroutines.
type Contents struct {
	spool    *os.File
	unlinked bool
	places   []place // sorted
	sizes    []int64 // sorted, each once
	names    names
}

// A place is where the spool says more of a file whose digest starts with
// prefix.
type place struct {
	prefix uint64
	// The low bits are the offset; the others count the snapshots newer than
	// the last that holds the file, so that the newest are sorted to the front.
	at uint64
}

const offsetBits = 44

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
	err = c.db.scanVersions(ctx, nil, func(v *version, _ position) (bool, error) {
		if v.size == 0 || v.kind != manifest.File {
			return true, nil
		}
		live := t.names.holding(v.since, v.until)
		if v.stored == absent || len(live) == 0 {
			return true, nil
		}
		at := offset + uint64(len(buf)) | age[live[0].ID]<<offsetBits
		t.places = append(t.places, place{binary.BigEndian.Uint64(v.digest[:]), at})
		t.sizes = append(t.sizes, v.size)
		buf = v.appendSpool(buf)
		if len(buf) < 1<<20 {
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
	slices.SortFunc(t.places, func(a, b place) int {
		if c := cmp.Compare(a.prefix, b.prefix); c != 0 {
			return c
		}
		return cmp.Compare(a.at, b.at)
	})
	t.places = slices.Clip(t.places)
	slices.Sort(t.sizes)
	t.sizes = slices.Clone(slices.Compact(t.sizes))
	return t, nil
}

// Len returns how many files there are.
func (t *Contents) Len() int { return len(t.places) }

// HasSize reports whether a file is n bytes long.
func (t *Contents) HasSize(n int64) bool {
	_, found := slices.BinarySearch(t.sizes, n)
	return found
}

// Lookup returns at most limit files of a digest, those of the newest snapshots
// first.
func (t *Contents) Lookup(d manifest.Digest, limit int) ([]Content, error) {
	prefix := binary.BigEndian.Uint64(d[:])
	i := sort.Search(len(t.places), func(i int) bool { return t.places[i].prefix >= prefix })
	var found []Content
	for ; i < len(t.places) && t.places[i].prefix == prefix && len(found) < limit; i++ {
		content, err := t.read(int64(t.places[i].at & (1<<offsetBits - 1)))
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

// appendSpool appends what Lookup needs: a length of four bytes, the digest,
// numbers, and strings behind their lengths.
func (v *version) appendSpool(b []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = append(b, v.digest[:]...)
	for _, n := range [...]uint64{
		uint64(v.since), uint64(v.until), uint64(v.size), uint64(v.perm.Mode), uint64(v.perm.UID),
		uint64(v.perm.GID), uint64(v.mtime.Sec), uint64(v.mtime.Nsec),
	} {
		b = binary.AppendUvarint(b, n)
	}
	b = appendString(b, v.path)
	b = appendString(b, v.stored)
	b = appendString(b, v.xattrs)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// read undoes appendSpool.
func (t *Contents) read(offset int64) (c Content, err error) {
	var most [512]byte
	b := most[:]
	n, err := t.spool.ReadAt(b, offset)
	if err != nil && err != io.EOF || n < 4 {
		return c, err
	}
	b = b[4:n]
	if length := int(binary.LittleEndian.Uint32(most[:])); length > len(b) {
		b = make([]byte, length)
		if _, err := t.spool.ReadAt(b, offset+4); err != nil {
			return c, err
		}
	}
	b = b[copy(c.Digest[:], b):]
	in := bytes.NewReader(b)
	var number [8]uint64
	for i := range number {
		if number[i], err = binary.ReadUvarint(in); err != nil {
			return c, err
		}
	}
	b = b[len(b)-in.Len():]
	var stored, xattrs string
	c.Path, b, _ = cutString(b)
	stored, b, _ = cutString(b)
	xattrs, _, _ = cutString(b)
	c.Size = int64(number[2])
	c.Stored.Mode, c.Stored.UID, c.Stored.GID = uint32(number[3]), uint32(number[4]), uint32(number[5])
	c.Stored.Mtime = manifest.Time{Sec: int64(number[6]), Nsec: uint32(number[7])}
	switch s, err := parseStored(stored); {
	case err != nil:
		return c, err
	case s != nil:
		c.Stored = *s
	}
	c.Snapshots = t.names.holding(ID(number[0]), ID(number[1]))
	c.Xattrs, err = unpackXattrs(xattrs)
	return c, err
}
