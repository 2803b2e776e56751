package catalog

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"phlb/engine/manifest"
)

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
	h := hasher{seed: c.seed}
	var rows openRows
	err := c.scanFiles(ctx, id, func(v *version) (bool, error) {
		rows.put(h.key(v), 1)
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
		v := versionOf(e)
		if rows.mark(h.key(&v)) {
			continue
		}
		kept := *e
		differ[e.Path] = &Difference{Path: e.Path, Manifest: &kept}
	}
	// Which paths the others are, only another scan can tell.
	if gone := rows.unmarked(); len(gone.keys) > 0 {
		err = c.scanFiles(ctx, id, func(v *version) (bool, error) {
			if rows.rows[rows.find(h.key(v))] < 0 {
				return true, nil
			}
			e, err := v.entry()
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
