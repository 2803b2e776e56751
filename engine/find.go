package engine

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// Found is a path that snapshots of one name hold.
type Found struct {
	*manifest.Entry           // as it is in the newest of them
	Versions        int       // distinct ones
	First, Last     *Snapshot // that hold it, by time
}

// Find returns what snapshots of one name, or with "" of all, hold under paths
// that a glob matches as those of a scan do, sorted by path.
func (e *Engine) Find(ctx context.Context, glob, name string) ([]*Found, error) {
	patterns, err := walk.CompilePatterns([]string{glob})
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	list, known, err := e.findVersions(ctx, func(cat *catalog.Catalog, _ map[catalog.ID]*Snapshot) ([]catalog.Version, error) {
		return cat.Find(ctx, func(p string) bool { return p != "." && patterns.Match(path.Dir(p), path.Base(p)) }, name)
	})
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	type place struct{ name, path string }
	at := map[place]*Found{}
	var all []*Found
	for _, v := range list {
		p := place{v.Snapshots[0].Name, v.Entry.Path}
		f := at[p]
		if f == nil {
			f = &Found{}
			at[p], all = f, append(all, f)
		}
		f.Versions++
		for _, s := range v.Snapshots {
			s := known[s.ID]
			if f.Last == nil || s.Started.After(f.Last.Started) {
				f.Last, f.Entry = s, v.Entry
			}
			if f.First == nil || s.Started.Before(f.First.Started) {
				f.First = s
			}
		}
	}
	slices.SortFunc(all, func(a, b *Found) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Last.Name, b.Last.Name))
	})
	return all, nil
}
