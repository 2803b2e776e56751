package manifest

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Kind is the type of a file system entry, named by the letter that stands for
// it in a manifest.
type Kind byte

// The kinds of entries.
const (
	File        Kind = 'f'
	Dir         Kind = 'd'
	Symlink     Kind = 'l'
	Fifo        Kind = 'p'
	Socket      Kind = 's'
	BlockDevice Kind = 'b'
	CharDevice  Kind = 'c'
)

var kindNames = map[Kind]string{
	File: "file", Dir: "dir", Symlink: "symlink", Fifo: "fifo",
	Socket: "socket", BlockDevice: "block device", CharDevice: "character device",
}

// String returns the kind's name, such as "file" or "symlink".
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind %q", byte(k))
}

func (k Kind) known() bool {
	switch k {
	case File, Dir, Symlink, Fifo, Socket, BlockDevice, CharDevice:
		return true
	}
	return false
}

// KindOfStat returns the kind that the type bits of a st_mode stand for, see
// inode(7); 0 for one that no manifest can hold.
func KindOfStat(mode uint32) Kind {
	switch mode & 0o170000 {
	case 0o100000:
		return File
	case 0o040000:
		return Dir
	case 0o120000:
		return Symlink
	case 0o010000:
		return Fifo
	case 0o140000:
		return Socket
	case 0o060000:
		return BlockDevice
	case 0o020000:
		return CharDevice
	}
	return 0
}

// KindOf returns the kind of an entry with that mode, and false for one that
// is of no kind that a manifest can hold.
func KindOf(m fs.FileMode) (Kind, bool) {
	switch m.Type() {
	case 0:
		return File, true
	case fs.ModeDir:
		return Dir, true
	case fs.ModeSymlink:
		return Symlink, true
	case fs.ModeNamedPipe:
		return Fifo, true
	case fs.ModeSocket:
		return Socket, true
	case fs.ModeDevice:
		return BlockDevice, true
	case fs.ModeDevice | fs.ModeCharDevice:
		return CharDevice, true
	}
	return 0, false
}

// Time is a time stamp of a file system: seconds since 1970 and nanoseconds
// from 0 to 999,999,999 to add to them. Unlike a [time.Time] it compares with
// ==, and it holds every value that a file system can.
type Time struct {
	Sec  int64
	Nsec uint32
}

// TimeOf returns t as a Time.
func TimeOf(t time.Time) Time { return Time{t.Unix(), uint32(t.Nanosecond())} }

// Time returns t as a time.Time in UTC.
func (t Time) Time() time.Time { return time.Unix(t.Sec, int64(t.Nsec)).UTC() }

// Before reports whether t is earlier than u.
func (t Time) Before(u Time) bool {
	return t.Sec < u.Sec || t.Sec == u.Sec && t.Nsec < u.Nsec
}

// coarse is how many seconds a time may differ from the one that a file system was
// given: FAT keeps every second one.
const coarse = 2

// Near reports whether t is what a file system may make of u, were it as coarse as
// any is.
func (t Time) Near(u Time) bool { return t.Sec-u.Sec >= -coarse && t.Sec-u.Sec <= coarse }

// Permissions are what [Entry] and [Stored] say of owner and mode.
type Permissions struct {
	Mode uint32 // the twelve low bits: setuid, setgid, sticky and rwx
	UID  uint32
	GID  uint32
}

// Stored is the metadata of an inode in the snapshot that is shared, and
// therefore may not be the path's own.
type Stored struct {
	Permissions
	Mtime Time
}

// Xattr is one extended attribute, see xattr(7). POSIX ACLs are among them,
// see acl(5).
type Xattr struct {
	Name  string
	Value string
}

// Entry is one path of a snapshot, with the metadata it had in the source.
type Entry struct {
	Path string // slash-separated, relative to the snapshot; "." for its root
	// SourceName is the name that the entry has in the source, where the root takes that
	// for the name of another entry: it is stored under the name in Path then. Else "".
	SourceName string

	Kind Kind
	Permissions
	Size   int64
	Mtime  Time
	Ctime  Time
	Inode  uint64
	Digest Digest // of a File that is not Absent

	Target       string  // of a Symlink
	Major, Minor uint32  // of a device
	Group        int64   // entries with the same one were one inode; 0 for none
	Racy         bool    // times cannot tell whether it changed since
	Stored       *Stored // nil where it agrees with the entry's own
	Absent       bool    // recorded, but not made in the snapshot
	Xattrs       []Xattr // sorted by name
}

// Folder returns the path of the directory that e lies in, or for a directory
// of itself: the unit in which manifests are ordered, see [Compare].
func (e *Entry) Folder() string {
	if e.Kind == Dir {
		return e.Path
	}
	if i := strings.LastIndexByte(e.Path, '/'); i >= 0 {
		return e.Path[:i]
	}
	return "."
}

// Name returns the last element of e's path.
func (e *Entry) Name() string { return e.Path[strings.LastIndexByte(e.Path, '/')+1:] }

// NameInSource returns the name that e has in the source.
func (e *Entry) NameInSource() string {
	if e.SourceName != "" {
		return e.SourceName
	}
	return e.Name()
}

// hasHash reports whether e has a hash line: a file that is in the snapshot.
func (e *Entry) hasHash() bool { return e.Kind == File && !e.Absent }

// InSnapshot returns the metadata that e's inode has in the snapshot.
func (e *Entry) InSnapshot() Stored {
	if e.Stored != nil {
		return *e.Stored
	}
	return Stored{e.Permissions, e.Mtime}
}

// Room returns how much memory the texts of e take.
func (e *Entry) Room() int {
	n := len(e.Path) + len(e.SourceName) + len(e.Target)
	for i := range e.Xattrs {
		n += len(e.Xattrs[i].Name) + len(e.Xattrs[i].Value)
	}
	return n
}

// Equal reports whether e and other are written alike.
func (e *Entry) Equal(other *Entry) bool {
	sameStored := e.Stored == other.Stored || e.Stored != nil && other.Stored != nil && *e.Stored == *other.Stored
	return e.Path == other.Path && e.SourceName == other.SourceName && e.Kind == other.Kind && e.Permissions == other.Permissions && e.Size == other.Size &&
		e.Mtime == other.Mtime && e.Ctime == other.Ctime && e.Inode == other.Inode && e.Digest == other.Digest &&
		e.Target == other.Target && e.Major == other.Major && e.Minor == other.Minor && e.Group == other.Group &&
		e.Racy == other.Racy && sameStored && e.Absent == other.Absent && SameXattrs(e.Xattrs, other.Xattrs)
}

// SameXattrs reports whether a and b are the same list.
func SameXattrs(a, b []Xattr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
