package catalog

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"sync"

	"phlb/engine/catalog/qlfile"

	"phlb/engine/manifest"
)

// A version is a row of the table versions. Strings are empty where the column
// is NULL.
type version struct {
	path   string
	kind   manifest.Kind
	size   int64
	mtime  manifest.Time
	perm   manifest.Permissions
	digest manifest.Digest
	since  ID
	until  ID
	target string
	stored string
	xattrs string
}

// columns is how many a version has.
const columns = 13

// absent stands in stored where the snapshot does not hold the path.
const absent = "no"

// Same reports whether a and b are one version of a path: equal in all that a
// catalog holds, which is all but change time, inode, hardlink group and
// whether the entry is racy.
func Same(a, b *manifest.Entry) bool {
	return a.Path == b.Path && a.Kind == b.Kind && a.Size == b.Size && a.Mtime == b.Mtime &&
		a.Permissions == b.Permissions && a.Digest == b.Digest && a.Target == b.Target &&
		a.Major == b.Major && a.Minor == b.Minor && a.Absent == b.Absent &&
		(a.Stored == nil) == (b.Stored == nil) && (a.Stored == nil || *a.Stored == *b.Stored) &&
		manifest.SameXattrs(a.Xattrs, b.Xattrs)
}

func versionOf(e *manifest.Entry) version {
	v := version{
		path: e.Path, kind: e.Kind, size: e.Size, mtime: e.Mtime, perm: e.Permissions,
		digest: e.Digest, target: e.Target,
	}
	if e.Kind == manifest.BlockDevice || e.Kind == manifest.CharDevice {
		v.target = fmt.Sprintf("%d:%d", e.Major, e.Minor)
	}
	switch {
	case e.Absent:
		v.stored = absent
	case e.Stored != nil:
		s := e.Stored
		v.stored = fmt.Sprintf("%o,%d:%d,%d.%09d", s.Mode, s.UID, s.GID, s.Mtime.Sec, s.Mtime.Nsec)
	}
	v.xattrs = packXattrs(e.Xattrs)
	return v
}

// clone returns a version that outlives the row it was read from.
func (v *version) clone() version {
	c := *v
	for _, s := range []*string{&c.path, &c.target, &c.stored, &c.xattrs} {
		*s = strings.Clone(*s)
	}
	return c
}

// room returns how much memory the texts take.
func (v *version) room() int { return len(v.path) + len(v.target) + len(v.stored) + len(v.xattrs) }

// entry undoes versionOf. It keeps nothing of v.
func (v *version) entry() (*manifest.Entry, error) {
	e := &manifest.Entry{
		Path: strings.Clone(v.path), Kind: v.kind, Permissions: v.perm, Size: v.size, Mtime: v.mtime,
		Digest: v.digest, Absent: v.stored == absent,
	}
	switch v.kind {
	case manifest.BlockDevice, manifest.CharDevice:
		if _, err := fmt.Sscanf(v.target, "%d:%d", &e.Major, &e.Minor); err != nil {
			return nil, fmt.Errorf("%w: device number %q", ErrDamaged, v.target)
		}
	default:
		e.Target = strings.Clone(v.target)
	}
	var err error
	if e.Stored, err = parseStored(v.stored); err != nil {
		return nil, err
	}
	e.Xattrs, err = unpackXattrs(v.xattrs)
	return e, err
}

// parseStored returns nil where nothing says otherwise than the version itself.
func parseStored(text string) (*manifest.Stored, error) {
	if text == "" || text == absent {
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
		return nil, fmt.Errorf("%w: stored metadata %q", ErrDamaged, text)
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
			return nil, fmt.Errorf("%w: extended attributes %q", ErrDamaged, packed)
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

// appendRow appends the columns in the order of the table.
func (v *version) appendRow(row []any) []any {
	var digest, target, stored, xattrs any
	if v.kind == manifest.File {
		digest = v.digest[:]
	}
	if v.target != "" {
		target = v.target
	}
	if v.stored != "" {
		stored = v.stored
	}
	if v.xattrs != "" {
		xattrs = []byte(v.xattrs)
	}
	return append(row, v.path, string(v.kind), v.size, v.mtime.Time(), int64(v.perm.Mode), int64(v.perm.UID),
		int64(v.perm.GID), digest, int64(v.since), int64(v.until), target, stored, xattrs)
}

// Compiling a statement of many rows takes a while, and readers need none.
var (
	insertMany = sync.OnceValue(func() qlfile.Statement {
		return qlfile.Compile("INSERT INTO versions VALUES " + parameters(rowsPerStatement, columns) + ";")
	})
	insertOne = qlfile.Compile("INSERT INTO versions VALUES " + parameters(1, columns) + ";")
)

func (d *database) insertVersions(tx *qlfile.Tx, rows []version) error {
	args := make([]any, 0, rowsPerStatement*columns)
	for len(rows) > 0 {
		list, n := insertOne, 1
		if len(rows) >= rowsPerStatement {
			list, n = insertMany(), rowsPerStatement
		}
		args = args[:0]
		for i := range rows[:n] {
			args = rows[i].appendRow(args)
		}
		if err := tx.Exec(list, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// A hasher makes keys: equal for equal versions, whether they come from a row
// or from a manifest. Keys live no longer than the catalog is open.
type hasher struct {
	seed maphash.Seed
	buf  []byte
}

func (h *hasher) key(v *version) uint64 {
	b := append(h.buf[:0], byte(v.kind))
	for _, n := range [...]uint64{
		uint64(v.size), uint64(v.mtime.Sec), uint64(v.mtime.Nsec),
		uint64(v.perm.Mode), uint64(v.perm.UID)<<32 | uint64(v.perm.GID),
	} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	if v.kind == manifest.File {
		b = append(b, v.digest[:]...)
	}
	b = appendString(b, v.path)
	b = appendString(b, v.target)
	b = appendString(b, v.stored)
	b = append(b, v.xattrs...)
	h.buf = b
	return maphash.Bytes(h.seed, b)
}
