package ask

import (
	"context"
	"fmt"
	"slices"

	"phlb/engine/catalog/qlfile"
)

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

// versionColumns are those of a versionRow, in the order in which they are stored.
var versionColumns = []string{
	"path", "kind", "size", "mtime", "mode", "uid", "gid", "digest", "since", "until", "target", "stored", "xattrs",
}

// digestColumn is where the digest stands among them.
const digestColumn = 7

// scanVersions calls f with every version, or, where wanted is not nil, with those
// of which that wants the digest, nil where there is none.
func (s *Session) scanVersions(ctx context.Context, wanted func(digest []byte) bool, f func(v *versionRow) error) error {
	i := slices.IndexFunc(s.stored, func(t qlfile.Table) bool { return t.Name == "versions" })
	if i < 0 {
		return nil
	}
	for n, name := range versionColumns {
		if columns := s.stored[i].Columns; n >= len(columns) || columns[n].Name != name {
			return fmt.Errorf("%w: versions without %s", qlfile.ErrDamaged, name)
		}
	}
	rows, err := s.reader.Rows("versions")
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	if wanted != nil {
		rows.Where(digestColumn, func(v *qlfile.Values) bool {
			n++
			return n%lookEvery == 0 && ctx.Err() != nil || wanted(v.Blob())
		})
	}
	var v versionRow
	for rows.Next() {
		if n++; (n%lookEvery == 0 || wanted != nil) && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := v.read(rows.Values()); err != nil {
			return err
		}
		if err := f(&v); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (v *versionRow) read(row qlfile.Values) error {
	v.path = row.Text()
	kind := row.Text()
	v.size = row.Int()
	v.sec, v.nsec = row.Time()
	v.mode, v.uid, v.gid = row.Int(), row.Int(), row.Int()
	v.digest = row.Blob()
	v.since, v.until = row.Int(), row.Int()
	v.target = row.Text()
	v.absent = row.Text() == absent
	v.xattrs = row.Blob()
	if len(kind) != 1 || row.Bad() {
		return fmt.Errorf("%w: version of %.100q", qlfile.ErrDamaged, v.path)
	}
	v.kind = kind[0]
	return nil
}
