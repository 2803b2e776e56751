package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

// Found is a path that snapshots of one name hold.
type Found struct {
	*manifest.Entry                      // as it is in the newest of them
	Versions        int                  // distinct ones
	First, Last     *repository.Snapshot // that hold it, by time
}

// Find returns what snapshots of one name, or with "" of all, hold under paths
// that a glob matches as those of a scan do, sorted by path. The catalog has the versions
// of a path in the order in which they came, so all that is found is in memory before the
// first is known in full: some 140 bytes a path. What is to be read one by one is asked
// with [Engine.Query].
func (e *Engine) Find(ctx context.Context, glob, name string) ([]*Found, error) {
	patterns, err := walk.CompilePatterns([]string{glob})
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	found, known, err := e.findVersions(ctx, func(cat *catalog.Catalog, _ map[catalog.ID]*repository.Snapshot) ([]catalog.Version, error) {
		return cat.Find(ctx, globbed(patterns), name)
	})
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	return byPath(found, known), nil
}

// globbed reports whether the patterns mean a path of a snapshot.
func globbed(patterns *walk.Patterns) func(path string) bool {
	return func(p string) bool {
		at := strings.LastIndexByte(p, '/')
		return p != "." && patterns.Match(p[:max(at, 0)], p[at+1:])
	}
}

// byPath makes one of all versions of a path under a name, sorted by path.
func byPath(found []catalog.Version, known map[catalog.ID]*repository.Snapshot) []*Found {
	type place struct{ name, path string }
	at := map[place]*Found{}
	var all []*Found
	// Versions that lived in the same snapshots share the list of them.
	type list struct {
		of *catalog.Snapshot
		n  int
	}
	ends := map[list][2]*repository.Snapshot{}
	for _, v := range found {
		p := place{v.Snapshots[0].Name, v.Entry.Path}
		f := at[p]
		if f == nil {
			f = &Found{}
			at[p], all = f, append(all, f)
		}
		f.Versions++
		held, ok := ends[list{&v.Snapshots[0], len(v.Snapshots)}]
		if !ok {
			byTime := func(a, b catalog.Snapshot) int { return a.Started.Compare(b.Started) }
			held = [2]*repository.Snapshot{known[slices.MinFunc(v.Snapshots, byTime).ID], known[slices.MaxFunc(v.Snapshots, byTime).ID]}
			ends[list{&v.Snapshots[0], len(v.Snapshots)}] = held
		}
		if f.Last == nil || held[1].Started.After(f.Last.Started) {
			f.Last, f.Entry = held[1], v.Entry
		}
		if f.First == nil || held[0].Started.Before(f.First.Started) {
			f.First = held[0]
		}
	}
	slices.SortFunc(all, func(a, b *Found) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Last.Name, b.Last.Name))
	})
	return all
}
