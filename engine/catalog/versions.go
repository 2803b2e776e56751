package catalog

import (
	"context"
	"fmt"
	"unsafe"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/manifest"
)

// versionsTable is the table of versions, and lifetime what its rows say of
// since and until.
const versionsTable = "versions"

var lifetime = qlfile.Span{Table: versionsTable, First: 8}

// A position says which row of versions one is.
type position struct {
	handle int64 // where it is found again, as long as no rows are taken out
	id     int64 // what QL calls id()
}

// scanVersions calls f with the versions of the wanted paths, nil for all, and
// where they are, until f returns false or an error. The version, with its
// strings, is good until the next one.
func (d *database) scanVersions(ctx context.Context, wanted func(path string) bool, f func(v *version, at position) (bool, error)) error {
	rows, err := d.Rows(versionsTable)
	if err != nil {
		return err
	}
	defer rows.Close()
	if wanted != nil {
		rows.Where(0, func(path *qlfile.Values) bool { return wanted(path.Text()) })
	}
	var v version
	for n := 0; rows.Next(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row := rows.Values()
		if err := v.read(&row); err != nil {
			return err
		}
		if more, err := f(&v, position{rows.Handle(), rows.ID()}); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// read reads the columns in the order of the table.
func (v *version) read(row *qlfile.Values) error {
	v.path = row.Text()
	kind := row.Text()
	v.size = row.Int()
	v.mtime.Sec, v.mtime.Nsec = row.Time()
	v.perm = manifest.Permissions{Mode: uint32(row.Int()), UID: uint32(row.Int()), GID: uint32(row.Int())}
	digest := row.Blob()
	v.since, v.until = ID(row.Int()), ID(row.Int())
	v.target, v.stored = row.Text(), row.Text()
	v.xattrs = text(row.Blob())
	if row.Bad() || row.Left() > 0 || len(kind) != 1 {
		return fmt.Errorf("%w: version of %.100q", ErrDamaged, v.path)
	}
	v.kind = manifest.Kind(kind[0])
	v.digest = manifest.Digest{}
	if copy(v.digest[:], digest) != len(v.digest) && v.kind == manifest.File {
		return fmt.Errorf("%w: digest of %.100q", ErrDamaged, v.path)
	}
	return nil
}

// text makes a string of bytes that are not changed while it is in use.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
