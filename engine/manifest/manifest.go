// Package manifest is the record of one snapshot: what the source looked like,
// entry by entry, and the digest of every file that was stored.
//
// A manifest is the truth about a snapshot; the catalog is only an index over
// it. Most callers stream one with [NewReader] and write one with [NewWriter];
// both keep to the order of [Compare], so that two manifests of one name can be
// merged in a single pass.
//
// # The format
//
// A manifest is gzip-compressed text (several gzip members one after the other,
// as RFC 1952 allows). Without its comment lines it is what sha256sum(1)
// writes, so that
//
//	zcat ../STAMP.sha256.gz | sha256sum -c -
//
// run inside a snapshot checks every file. Where another [Algorithm] was chosen, its
// name stands in the places of sha256. Everything that a hash line cannot
// say stands in lines that begin with "#", which sha256sum ignores:
//
//	# phlb manifest 1
//	# name: documents
//	# stamp: 2026-11-22-104500
//	# source: /home/ann/Documents
//	# host: laptop
//	# started: 2026-11-22T10:45:00.5Z
//	# …
//	#d 755 1000:1000 4096 1763808300.000000001 1763808300.000000001 2 .
//	#f 644 1000:1000 7 1763808300.25 1763808301 17
//	b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9  ./notes
//	#l 777 1000:1000 5 1763808300.25 1763808301 18 to=notes ./link
//	# finished: 2026-11-22T10:45:01.5Z
//	# …
//	# end entries=3 files=1 bytes=7
//
// A manifest whose digests are not by SHA-256 begins with "# phlb manifest 2", which a
// phlb that knows no other refuses, and says what they are by:
//
//	# hash: sha512
//
// A record line gives kind (f file, d directory, l symbolic link, p fifo,
// s socket, b and c devices), permission bits in octal, uid:gid, size in bytes,
// modification time, change time and inode number in the source. Then follow,
// where they apply, in this order:
//
//	dev=MAJOR:MINOR            numbers of a device
//	to=TARGET                  target of a symbolic link
//	group=N                    entries with one N were one inode in the source
//	racy=1                     a later run must not trust times to tell a change
//	stored=MODE,UID:GID,MTIME  metadata of the inode in the snapshot, where it
//	                           is shared and not the path's own
//	stored=no                  recorded only: it could not be made in the root;
//	                           of a file there is no hash line then
//	name=NAME                  the name in the source, where the root takes that
//	                           for the name of another entry, and the path
//	                           ends in a name that was chosen instead
//	x=NAME:VALUE               an extended attribute, VALUE in base64; repeated
//
// and last the path: "." for the root, else "./" and the path. The path of a file
// that was stored stands in the hash line that follows its record line. Paths are escaped as
// sha256sum escapes them: where one holds a newline, a carriage return or a
// backslash, these become \n, \r and \\, and the line starts with a backslash
// (in a record line the path does). In TARGET and NAME, bytes up to the space,
// DEL and % are written %XX. Times are seconds since 1970, with the nanoseconds
// behind a point: sec.nnnnnnnnn, trailing zeros left out, meaning sec + 0.nnn
// also where sec is negative.
//
// The last line counts and closes the manifest. One that lacks it was cut off;
// its entries can still be read, but it never counts as whole.
//
// # Members
//
// The header and the footer are gzip members of their own. The entries between
// them lie in members of some 8 KiB of text, each of whole entries, and each
// has in its gzip header an extra field (RFC 1952, 2.3.1.1) with the subfield
// PH, which other tools pass over. Numbers in it are little-endian:
//
//	4 bytes   length of the member
//	4 bytes   CRC-32C of all that follows in it
//	4 bytes   how many files with a hash line it has
//	8 bytes   their sizes, added up
//	8 bytes   for each entry: its [Mark]
//
// By these a run tells that nothing of a member has changed, and copies it to the
// next manifest, without inflating it. Nothing depends on them: where they are
// missing, as in what was compressed anew by another tool, the text is read.
package manifest

import (
	"errors"
	"time"
)

// Version is the newest format version that this package reads. What is of the first
// one alone is written in that, so that an older phlb can read it.
const Version = 2

var (
	// ErrCutOff says that a manifest ends before its closing line.
	ErrCutOff = errors.New("manifest is cut off before its closing line")
	// ErrVersion says that a newer phlb wrote the manifest.
	ErrVersion = errors.New("manifest was written by a newer phlb: update phlb to read it")
)

// SyntaxError is a line that is not in the format.
type SyntaxError struct {
	Line int64 // counted from 1
	Msg  string
}

// Header is what is known of a snapshot when its run starts.
type Header struct {
	Name    string    // backup name, the folder under the root
	Stamp   string    // folder of the snapshot, under that of the name; empty in old manifests
	Source  string    // absolute path of the source
	Host    string    // where the run took place
	Started time.Time // snapshots are ordered by it
	Boot    string    // boot id of the host, empty where there is none
	Mount   string    // the mount that the root lay on, by the host; empty where that is not known
	Match   string    // which metadata had to agree for a shared inode
	Hash    Algorithm // of all digests
	Tags    []string
}

// version returns that of the format in which the manifest is written.
func (h *Header) version() int {
	if h.Hash != SHA256 {
		return 2
	}
	return 1
}

// Summary is what is known of a snapshot when its run ends. Counts are of
// entries, sizes in bytes.
type Summary struct {
	Finished  time.Time
	Entries   int64 // lines of every kind
	Files     int64 // regular files in the snapshot
	Bytes     int64 // their sizes
	Unchanged int64 // files linked unread from the previous snapshot
	Linked    int64 // files linked because their content was there
	New       int64 // files stored
	NewBytes  int64 // their sizes
	Skipped   int64 // entries that the policy left out, directories without what they hold
	Folders   int64 // of these, directories
	Errors    int64 // source entries that could not be read
}
