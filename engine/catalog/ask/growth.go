package ask

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"phlb/engine/catalog/qlfile"
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
func growth(s *Session, ctx context.Context, args []any) (madeRows, error) {
	depth := int64(0)
	if args[0] != nil {
		n, ok := args[0].(int64)
		if !ok || n < 0 {
			return madeRows{}, fmt.Errorf("the depth is a number of folders, not %v", args[0])
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
	err := s.scanVersions(ctx, func(v *versionRow) error {
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
		return madeRows{}, err
	}
	list := make([]*brought, 0, len(index))
	for _, b := range index {
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b *brought) int {
		return cmp.Or(cmp.Compare(a.of.id, b.of.id), strings.Compare(a.folder, b.folder))
	})
	return madeRows{len(list), func(row, column int) any {
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
	}}, nil
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

// A versionRow is what is computed from a row of versions. Its strings are good
// until the next one.
type versionRow struct {
	path, target string
	kind         byte
	size         int64
	sec          int64 // of the time of the last change
	nsec         uint32
	mode         int64
	uid, gid     int64
	digest       []byte
	since, until int64
	absent       bool
	xattrs       []byte
}

// versionColumns are those of a versionRow, in its order.
var versionColumns = []Column{
	{from: "path"}, {from: "kind"}, {from: "size"}, {from: "mtime"}, {from: "mode"}, {from: "uid"}, {from: "gid"},
	{from: "digest"}, {from: "since"}, {from: "until"}, {from: "target"}, {from: "stored"}, {from: "xattrs"},
}

// scanVersions calls f with every version.
func (s *Session) scanVersions(ctx context.Context, f func(v *versionRow) error) error {
	at := s.positions("versions", versionColumns)
	if at == nil {
		return nil
	}
	for i, position := range at {
		if position < 0 {
			return fmt.Errorf("%w: versions without %s", qlfile.ErrDamaged, versionColumns[i].from)
		}
	}
	rows, err := s.reader.Rows("versions")
	if err != nil {
		return err
	}
	defer rows.Close()
	var v versionRow
	for n := 0; rows.Next(); n++ {
		if n%lookEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := v.read(rows, at); err != nil {
			return err
		}
		if err := f(&v); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (v *versionRow) read(rows *qlfile.Rows, at []int) error {
	v.path = rows.Column(at[0]).Text()
	kind := rows.Column(at[1]).Text()
	v.size = rows.Column(at[2]).Int()
	v.sec, v.nsec = rows.Column(at[3]).Time()
	v.mode, v.uid, v.gid = rows.Column(at[4]).Int(), rows.Column(at[5]).Int(), rows.Column(at[6]).Int()
	v.digest = rows.Column(at[7]).Blob()
	v.since, v.until = rows.Column(at[8]).Int(), rows.Column(at[9]).Int()
	v.target = rows.Column(at[10]).Text()
	v.absent = rows.Column(at[11]).Text() == absent
	last := rows.Column(at[12])
	v.xattrs = last.Blob()
	if len(kind) != 1 || last.Bad() {
		return fmt.Errorf("%w: version of %.100q", qlfile.ErrDamaged, v.path)
	}
	v.kind = kind[0]
	return nil
}
