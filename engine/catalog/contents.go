package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Contents tells where a content can be found. It is what the catalog held when
// it was made, and outlives the catalog, until that is published; its methods may
// be called from several goroutines.
type Contents struct {
	rows   *qlfile.Reader
	places [1 << placesBits]places // by the first bits of the prefix
	sizes  []int64                 // sorted, each once
	names  rows.Names
}

// places are sorted when they are first asked for: most are not, by a run that
// changes little, which waits for the rest.
type places struct {
	list []place
	sort sync.Once
}

// A place is the row of a file whose digest starts with prefix.
type place struct {
	prefix uint64
	// The high bits count the snapshots newer than the last that holds the file.
	// The others are the handle of the row, negated: rows that were added later
	// mostly have a higher one. So the newest are sorted to the front, of which
	// the inode may take more links where that of older ones is full.
	at uint64
}

const (
	handleBits = 44
	handleMask = 1<<handleBits - 1
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
// without the empty ones. It takes about 20 bytes of memory for each, and reads
// the rest from the catalog's file where it is asked for. The caller must close
// it.
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
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return nil, err
	}
	t := &Contents{names: rows.NamesOf(all)}
	if t.rows, err = c.file.Reader(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	slices.SortFunc(all, rows.NewestFirst)
	age := map[ID]uint64{}
	for i := range all {
		age[all[i].ID] = uint64(i)
	}
	var since, until ID // of the version before, which most have in common with it
	var live []Snapshot
	var lately [4096]int64 // sizes, of which there are fewer than files
	err = rows.ScanVersions(ctx, c.file, rows.Filter{}, func(v *rows.Version, at rows.Position) (bool, error) {
		if v.Size == 0 || v.Kind != manifest.File {
			return true, nil
		}
		if v.Since != since || v.Until != until {
			since, until = v.Since, v.Until
			live = t.names.Holding(v.Since, v.Until)
		}
		if v.Stored == rows.Absent || len(live) == 0 {
			return true, nil
		}
		p := place{v.Digest.Prefix(), handleMask - uint64(at.Handle) | age[live[0].ID]<<handleBits}
		of := t.placesOf(p.prefix)
		of.list = append(of.list, p)
		if known := &lately[uint64(v.Size)%uint64(len(lately))]; *known != v.Size {
			*known = v.Size
			t.sizes = append(t.sizes, v.Size)
		}
		return true, nil
	})
	if err != nil {
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
	prefix := d.Prefix()
	places := t.placesOf(prefix).sorted()
	i := sort.Search(len(places), func(i int) bool { return places[i].prefix >= prefix })
	var found []Content
	for ; i < len(places) && places[i].prefix == prefix && len(found) < limit; i++ {
		content, err := t.read(int64(handleMask - places[i].at&handleMask))
		if err != nil {
			return nil, fmt.Errorf("look up %v: %w", d, err)
		}
		if content.Digest == d {
			found = append(found, content)
		}
	}
	return found, nil
}

// Close lets go of the catalog's file.
func (t *Contents) Close() error { return t.rows.Close() }

// read returns what the row of a handle says.
func (t *Contents) read(handle int64) (c Content, err error) {
	err = t.rows.Row(handle, func(row *qlfile.Values) error {
		var v rows.Version
		if err := v.Read(row); err != nil {
			return err
		}
		e, err := v.Entry()
		if err != nil {
			return err
		}
		c = Content{
			Path: e.Path, Size: e.Size, Digest: e.Digest, Stored: e.InSnapshot(), Xattrs: e.Xattrs,
			Snapshots: t.names.Holding(v.Since, v.Until),
		}
		return nil
	})
	return c, err
}
