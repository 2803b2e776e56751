package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Wanted says which versions are looked for. What is not set does not matter.
type Wanted struct {
	Path          func(path string) bool
	Name          string
	MinSize       int64 // bytes of a file, and of nothing else
	MaxSize       int64 // the same, 0 for any
	After, Before time.Time
	Gone          bool // only paths that the last snapshot of their name does not hold
	Limit         int  // versions that are enough, 0 for all
}

// Search returns the versions that are wanted, in no particular order, and whether
// there may be more. Versions that lived in the same snapshots share the list of
// them.
func (c *Catalog) Search(ctx context.Context, w *Wanted) (found []Version, more bool, err error) {
	if err := c.rlock(ctx); err != nil {
		return nil, false, fmt.Errorf("search: %w", err)
	}
	defer c.mu.RUnlock()
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return nil, false, fmt.Errorf("search: %w", err)
	}
	n := rows.NamesOf(all)
	err = rows.ScanVersions(ctx, c.file, rows.ByPath(w.Path), func(v *rows.Version, _ rows.Position) (bool, error) {
		if !w.wants(v) {
			return true, nil
		}
		live := n.Holding(v.Since, v.Until)
		if len(live) == 0 || w.Name != "" && live[0].Name != w.Name || w.Gone && live[0].ID == (*n[v.Since])[0].ID {
			return true, nil
		}
		if w.Limit > 0 && len(found) == w.Limit {
			more = true
			return false, nil
		}
		e, err := v.Entry()
		found = append(found, Version{e, live})
		return true, err
	})
	if err == nil && w.Gone {
		found, err = c.withoutLiving(ctx, n, found)
	}
	if err != nil {
		return nil, false, fmt.Errorf("search: %w", err)
	}
	return found, more, nil
}

// withoutLiving leaves out versions of paths of which a later one lives in the last
// snapshot of its name.
func (c *Catalog) withoutLiving(ctx context.Context, n rows.Names, found []Version) ([]Version, error) {
	type place struct{ name, path string }
	candidates, living := map[string]bool{}, map[place]bool{}
	for i := range found {
		candidates[found[i].Entry.Path] = true
	}
	err := rows.ScanVersions(ctx, c.file, rows.ByPath(func(path string) bool { return candidates[path] }), func(v *rows.Version, _ rows.Position) (bool, error) {
		if list := n[v.Since]; list != nil && v.Until == 0 {
			living[place{(*list)[0].Name, strings.Clone(v.Path)}] = true
		}
		return true, nil
	})
	return slices.DeleteFunc(found, func(v Version) bool { return living[place{v.Snapshots[0].Name, v.Entry.Path}] }), err
}

// wants reports whether the version is one by what it is.
func (w *Wanted) wants(v *rows.Version) bool {
	if (w.MinSize > 0 || w.MaxSize > 0) && v.Kind != manifest.File {
		return false
	}
	return v.Size >= w.MinSize && (w.MaxSize == 0 || v.Size <= w.MaxSize) &&
		(w.After.IsZero() || !v.Mtime.Before(manifest.TimeOf(w.After))) &&
		(w.Before.IsZero() || v.Mtime.Before(manifest.TimeOf(w.Before)))
}
