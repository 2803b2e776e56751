package rows

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"phlb/engine/catalog/qlfile"

	"phlb/engine/manifest"
)

// A Version is a row of the table versions. Strings are empty where the column
// is NULL.
type Version struct {
	Path        string
	Kind        manifest.Kind
	Size        int64
	Mtime       manifest.Time
	Permissions manifest.Permissions
	Digest      manifest.Digest // of a file
	Since       ID              // the first snapshot that holds it
	Until       ID              // the last one, 0 while that is the last one of its name
	Target      string          // of a link, or what a device is
	Stored      string          // what the inode in the snapshots has, where that is something else; or Absent
	Xattrs      string          // packed
}

// columns is how many a version has.
const columns = 13

// Absent stands in Stored where the snapshot does not hold the path.
const Absent = "no"

// VersionOf returns an entry of a manifest as a row has it, without since and until.
func VersionOf(e *manifest.Entry) Version {
	v := Version{
		Path: e.Path, Kind: e.Kind, Size: e.Size, Mtime: e.Mtime, Permissions: e.Permissions,
		Digest: e.Digest, Target: e.Target,
	}
	if e.Kind == manifest.BlockDevice || e.Kind == manifest.CharDevice {
		v.Target = fmt.Sprintf("%d:%d", e.Major, e.Minor)
	}
	switch {
	case e.Absent:
		v.Stored = Absent
	case e.Stored != nil:
		s := e.Stored
		v.Stored = fmt.Sprintf("%o,%d:%d,%d.%09d", s.Mode, s.UID, s.GID, s.Mtime.Sec, s.Mtime.Nsec)
	}
	v.Xattrs = packXattrs(e.Xattrs)
	return v
}

// Clone returns a version that outlives the row it was read from.
func (v *Version) Clone() Version {
	c := *v
	for _, s := range []*string{&c.Path, &c.Target, &c.Stored, &c.Xattrs} {
		*s = strings.Clone(*s)
	}
	return c
}

// Room returns how much memory the texts take.
func (v *Version) Room() int { return len(v.Path) + len(v.Target) + len(v.Stored) + len(v.Xattrs) }

// Entry undoes VersionOf. It keeps nothing of v.
func (v *Version) Entry() (*manifest.Entry, error) {
	e := &manifest.Entry{
		Path: strings.Clone(v.Path), Kind: v.Kind, Permissions: v.Permissions, Size: v.Size, Mtime: v.Mtime,
		Digest: v.Digest, Absent: v.Stored == Absent,
	}
	switch v.Kind {
	case manifest.BlockDevice, manifest.CharDevice:
		if _, err := fmt.Sscanf(v.Target, "%d:%d", &e.Major, &e.Minor); err != nil {
			return nil, fmt.Errorf("%w: device number %q", qlfile.ErrDamaged, v.Target)
		}
	default:
		e.Target = strings.Clone(v.Target)
	}
	var err error
	if e.Stored, err = parseStored(v.Stored); err != nil {
		return nil, err
	}
	e.Xattrs, err = unpackXattrs(v.Xattrs)
	return e, err
}

// parseStored returns nil where nothing says otherwise than the version itself.
func parseStored(text string) (*manifest.Stored, error) {
	if text == "" || text == Absent {
		return nil, nil
	}
	s := &manifest.Stored{}
	mode, rest, _ := strings.Cut(text, ",")
	n, err := strconv.ParseUint(mode, 8, 32)
	if err == nil {
		s.Mode = uint32(n)
		_, err = fmt.Sscanf(rest, "%d:%d,%d.%d", &s.UID, &s.GID, &s.Mtime.Sec, &s.Mtime.Nsec)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: stored metadata %q", qlfile.ErrDamaged, text)
	}
	return s, nil
}

// packXattrs writes names and values, each behind its length.
func packXattrs(list []manifest.Xattr) string {
	if len(list) == 0 {
		return ""
	}
	var b []byte
	for _, x := range list {
		b = appendString(appendString(b, x.Name), x.Value)
	}
	return string(b)
}

func unpackXattrs(packed string) ([]manifest.Xattr, error) {
	var list []manifest.Xattr
	for b := []byte(packed); len(b) > 0; {
		var x manifest.Xattr
		var ok, ok2 bool
		x.Name, b, ok = cutString(b)
		x.Value, b, ok2 = cutString(b)
		if !ok || !ok2 {
			return nil, fmt.Errorf("%w: extended attributes %q", qlfile.ErrDamaged, packed)
		}
		list = append(list, x)
	}
	return list, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutString(b []byte) (string, []byte, bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	b = b[size:]
	return string(b[:n]), b[n:], true
}

// AppendKey appends bytes that are equal for versions that differ in nothing but
// how long they lived.
func (v *Version) AppendKey(b []byte) []byte {
	b = append(b, byte(v.Kind))
	for _, n := range [...]uint64{
		uint64(v.Size), uint64(v.Mtime.Sec), uint64(v.Mtime.Nsec),
		uint64(v.Permissions.Mode), uint64(v.Permissions.UID)<<32 | uint64(v.Permissions.GID),
	} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	if v.Kind == manifest.File {
		b = append(b, v.Digest.Bytes()...)
	}
	b = appendString(b, v.Path)
	b = appendString(b, v.Target)
	b = appendString(b, v.Stored)
	return append(b, v.Xattrs...)
}

// AppendRow appends the columns in the order of the table.
func (v *Version) AppendRow(row []any) []any {
	var digest, target, stored, xattrs any
	if v.Kind == manifest.File {
		digest = v.Digest.Bytes()
	}
	if v.Target != "" {
		target = v.Target
	}
	if v.Stored != "" {
		stored = v.Stored
	}
	if v.Xattrs != "" {
		xattrs = []byte(v.Xattrs)
	}
	return append(row, v.Path, string(v.Kind), v.Size, v.Mtime.Time(), int64(v.Permissions.Mode), int64(v.Permissions.UID),
		int64(v.Permissions.GID), digest, int64(v.Since), int64(v.Until), target, stored, xattrs)
}

const rowsPerStatement = 50

// Compiling a statement of many rows takes a while, and readers need none.
var (
	insertMany = sync.OnceValue(func() qlfile.Statement {
		return qlfile.Compile("INSERT INTO versions VALUES " + parameters(rowsPerStatement, columns) + ";")
	})
	insertOne = qlfile.Compile("INSERT INTO versions VALUES " + parameters(1, columns) + ";")
)

// InsertVersions adds rows.
func InsertVersions(tx *qlfile.Tx, rows []Version) error {
	args := make([]any, 0, rowsPerStatement*columns)
	for len(rows) > 0 {
		list, n := insertOne, 1
		if len(rows) >= rowsPerStatement {
			list, n = insertMany(), rowsPerStatement
		}
		args = args[:0]
		for i := range rows[:n] {
			args = rows[i].AppendRow(args)
		}
		if err := tx.Exec(list, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
