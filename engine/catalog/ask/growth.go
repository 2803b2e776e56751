package ask

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"phlb/engine/manifest"
)

var growthTable = Table{
	Name: "growth", Kind: "function", made: growth,
	Doc:     "one row for each snapshot, with what it brought: versions of files that it was the first to hold; with a depth, one for each folder in it",
	Example: "SELECT day, human(sum(bytes)) FROM growth GROUP BY day ORDER BY day DESC LIMIT 10",
	Columns: []Column{
		{"snapshot", integer, "id of the snapshot", "", nil},
		{"name", text, "backup name", "", nil},
		{"stamp", text, "folder of the snapshot", "", nil},
		{"started", moment, "when the run began", "", nil},
		{"day", text, "that day, by the clock on the wall", "", nil},
		{"folder", text, "the first parts of the paths, as many as the depth says; empty without a depth", "", nil},
		{"files", integer, "files that are new or have changed", "", nil},
		{"bytes", integer, "their sizes added up; snapshots has in new_bytes the room that they cost", "", nil},
	},
	Parameters: []Column{
		{"depth", integer, "how many parts of a path make its folder", "", nil},
	},
}

// A brought is what a snapshot brought in a folder.
type brought struct {
	of           *snapshot
	folder       string
	files, bytes int64
}

// growth reads all versions once.
func growth(s *Session, ctx context.Context, a arguments) (nextRows, error) {
	depth := int64(0)
	if a.of[0] != nil {
		n, ok := a.of[0].(int64)
		if !ok || n < 0 {
			return nil, fmt.Errorf("the depth is a number of folders, not %v", a.of[0])
		}
		depth = n
	}
	type place struct {
		since  int64
		folder string
	}
	index := map[place]*brought{}
	for _, one := range s.snapshots {
		if depth == 0 {
			index[place{since: one.id}] = &brought{of: one}
		}
	}
	var last place // which most rows have in common with the one before
	var b *brought
	err := s.scanVersions(ctx, nil, func(v *versionRow) error {
		if v.kind != byte(manifest.File) || v.absent {
			return nil
		}
		at := place{since: v.since}
		if depth > 0 {
			at.folder = firstParts(folderOf(v.path), depth)
		}
		if b == nil || at != last {
			if b = index[at]; b == nil {
				of := s.snapshots[v.since]
				if of == nil {
					return nil // left by a writer that did not finish
				}
				at.folder = strings.Clone(at.folder)
				b = &brought{of: of, folder: at.folder}
				index[at] = b
			}
			last = place{at.since, b.folder}
		}
		b.files++
		b.bytes += v.size
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]*brought, 0, len(index))
	for _, b := range index {
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b *brought) int {
		return cmp.Or(cmp.Compare(a.of.id, b.of.id), strings.Compare(a.folder, b.folder))
	})
	return once(madeRows{len(list), func(row, column int) any {
		b := list[row]
		switch column {
		case 0:
			return b.of.id
		case 1:
			return b.of.name
		case 2:
			return b.of.stamp
		case 3:
			return b.of.begun
		case 4:
			return b.of.started.In(s.options.Zone).Format("2006-01-02")
		case 5:
			return b.folder
		case 6:
			return b.files
		}
		return b.bytes
	}}), nil
}

// firstParts returns the first n parts of a path.
func firstParts(p string, n int64) string {
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
