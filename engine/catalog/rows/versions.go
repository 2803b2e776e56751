package rows

import (
	"context"
	"fmt"
	"unsafe"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/manifest"
)

// VersionsTable is the table of versions.
const VersionsTable = "versions"

// Lifetime is where since and until stand.
var Lifetime = qlfile.Span{Table: VersionsTable, First: 8}

// A Position says which row of versions one is.
type Position struct {
	Handle int64 // where it is found again, as long as no rows are taken out
	ID     int64 // what QL calls id()
}

// A Source has rows to be read.
type Source interface {
	Rows(table string) (*qlfile.Rows, error)
}

var (
	_ Source = (*qlfile.File)(nil)
	_ Source = (*qlfile.Reader)(nil)
)

// A Filter rules versions out before more of them is read than one column. The
// zero value lets all through.
type Filter struct {
	column int
	wanted func(v *qlfile.Values) bool
}

// ByPath lets through the versions of wanted paths, nil for all.
func ByPath(wanted func(path string) bool) Filter {
	if wanted == nil {
		return Filter{}
	}
	return Filter{0, func(v *qlfile.Values) bool { return wanted(v.Text()) }}
}

// ByDigest lets through the versions with wanted digests, nil where there is none.
func ByDigest(wanted func(digest []byte) bool) Filter {
	return Filter{7, func(v *qlfile.Values) bool { return wanted(v.Blob()) }}
}

// lookEvery is how many rows are read between two looks at the context.
const lookEvery = 1024

// ScanVersions calls f with the versions that the filter lets through, and where
// they are, until f returns false or an error. The version, with its strings, is
// good until the next one.
func ScanVersions(ctx context.Context, from Source, filter Filter, f func(v *Version, at Position) (bool, error)) error {
	rows, err := from.Rows(VersionsTable)
	if err != nil {
		return err
	}
	defer rows.Close()
	n, stopped := 0, false
	look := func() bool {
		n++
		stopped = stopped || n%lookEvery == 0 && ctx.Err() != nil
		return stopped
	}
	if filter.wanted != nil {
		rows.Where(filter.column, func(v *qlfile.Values) bool { return look() || filter.wanted(v) })
	}
	var v Version
	for rows.Next() {
		if look() {
			return ctx.Err()
		}
		row := rows.Values()
		if err := v.Read(&row); err != nil {
			return err
		}
		if more, err := f(&v, Position{rows.Handle(), rows.ID()}); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// Read reads the columns in the order of the table.
func (v *Version) Read(row *qlfile.Values) error {
	v.Path = row.Text()
	kind := row.Text()
	v.Size = row.Int()
	v.Mtime.Sec, v.Mtime.Nsec = row.Time()
	v.Permissions = manifest.Permissions{Mode: uint32(row.Int()), UID: uint32(row.Int()), GID: uint32(row.Int())}
	digest := row.Blob()
	v.Since, v.Until = ID(row.Int()), ID(row.Int())
	v.Target, v.Stored = row.Text(), row.Text()
	v.Xattrs = text(row.Blob())
	if row.Bad() || row.Left() > 0 || len(kind) != 1 {
		return fmt.Errorf("%w: version of %.100q", qlfile.ErrDamaged, v.Path)
	}
	v.Kind = manifest.Kind(kind[0])
	var ok bool
	if v.Digest, ok = manifest.DigestOf(digest); !ok && v.Kind == manifest.File {
		return fmt.Errorf("%w: digest of %.100q", qlfile.ErrDamaged, v.Path)
	}
	return nil
}

// text makes a string of bytes that are not changed while it is in use.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
