package catalog

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"phlb/engine/catalog/keyed"
	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Same reports whether a and b are one version of a path: equal in all that a
// catalog holds, which is all but change time, inode, hardlink group and
// whether the entry is racy.
func Same(a, b *manifest.Entry) bool {
	return a.Path == b.Path && a.Kind == b.Kind && a.Size == b.Size && a.Mtime == b.Mtime &&
		a.Permissions == b.Permissions && a.Digest == b.Digest && a.Target == b.Target &&
		a.Major == b.Major && a.Minor == b.Minor && a.Absent == b.Absent &&
		(a.Stored == nil) == (b.Stored == nil) && (a.Stored == nil || *a.Stored == *b.Stored) &&
		manifest.SameXattrs(a.Xattrs, b.Xattrs)
}

// Difference is a path of which a manifest and the catalog do not say the same.
type Difference struct {
	Path     string
	Manifest *manifest.Entry // nil where only the catalog has it
	Catalog  *manifest.Entry // nil where only the manifest has it
}

// Compare holds the manifest of a snapshot against the catalog, and returns the
// differences by path. It takes about 20 bytes of memory for every path.
func (c *Catalog) Compare(ctx context.Context, id ID, entries iter.Seq2[*manifest.Entry, error]) ([]Difference, error) {
	found, err := c.compare(ctx, id, entries)
	if err != nil {
		return nil, fmt.Errorf("compare snapshot %d: %w", id, err)
	}
	return found, nil
}

func (c *Catalog) compare(ctx context.Context, id ID, entries iter.Seq2[*manifest.Entry, error]) ([]Difference, error) {
	h := keyed.Hasher{Seed: c.seed}
	var open keyed.Rows
	err := c.scanFiles(ctx, id, func(v *rows.Version) (bool, error) {
		open.Put(h.Key(v), 1)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	differ := map[string]*Difference{}
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		v := rows.VersionOf(e)
		if open.Mark(h.Key(&v)) {
			continue
		}
		kept := *e
		differ[e.Path] = &Difference{Path: e.Path, Manifest: &kept}
	}
	// Which paths the others are, only another scan can tell.
	if gone, _ := open.Unmarked(); len(gone) > 0 {
		err = c.scanFiles(ctx, id, func(v *rows.Version) (bool, error) {
			if open.Marked(h.Key(v)) {
				return true, nil
			}
			e, err := v.Entry()
			if err != nil {
				return false, err
			}
			d := differ[e.Path]
			if d == nil {
				d = &Difference{Path: e.Path}
				differ[e.Path] = d
			}
			d.Catalog = e
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	list := make([]Difference, 0, len(differ))
	for _, d := range differ {
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}
