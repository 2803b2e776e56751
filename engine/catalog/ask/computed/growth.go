package computed

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Growth is what a snapshot brought in a folder: versions of files that it was the
// first to hold.
type Growth struct {
	Snapshot     rows.ID
	Folder       string
	Files, Bytes int64
}

// Grown returns what the known snapshots brought, by their numbers and by the first
// parts of folders, as many as depth says. With a depth of 0, there is one for each
// snapshot, though it brought nothing.
func Grown(ctx context.Context, from rows.Source, depth int64, known []rows.ID) ([]*Growth, error) {
	type place struct {
		since  rows.ID
		folder string
	}
	index := map[place]*Growth{}
	is := map[rows.ID]bool{}
	for _, id := range known {
		is[id] = true
		if depth == 0 {
			index[place{since: id}] = &Growth{Snapshot: id}
		}
	}
	var last *Growth // which most rows have in common with the one before
	err := rows.ScanVersions(ctx, from, rows.Filter{}, func(v *rows.Version, _ rows.Position) (bool, error) {
		if v.Kind != manifest.File || v.Stored == rows.Absent || !is[v.Since] { // or left by a writer that did not finish
			return true, nil
		}
		at := place{since: v.Since}
		if depth > 0 {
			at.folder = FirstParts(v.Path[:max(strings.LastIndexByte(v.Path, '/'), 0)], depth)
		}
		if last == nil || last.Snapshot != at.since || last.Folder != at.folder {
			if last = index[at]; last == nil {
				at.folder = strings.Clone(at.folder)
				last = &Growth{Snapshot: at.since, Folder: at.folder}
				index[at] = last
			}
		}
		last.Files++
		last.Bytes += v.Size
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]*Growth, 0, len(index))
	for _, g := range index {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *Growth) int {
		return cmp.Or(cmp.Compare(a.Snapshot, b.Snapshot), strings.Compare(a.Folder, b.Folder))
	})
	return list, nil
}

// FirstParts returns the first n parts of a path.
func FirstParts(p string, n int64) string {
	for i := range len(p) {
		if p[i] != '/' {
			continue
		}
		if n--; n == 0 {
			return p[:i]
		}
	}
	return p
}
