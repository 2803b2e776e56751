// Package qlfile is the file in which a catalog lies: a database of QL's, in
// compressed blocks with checksums. It is the only code that knows how QL lays
// out rows. It knows nothing of what the tables mean.
//
// A [File] is the published file, opened together with changes that nobody else
// sees. [File.Update] runs statements of QL's in a transaction. Rows are read
// from the blocks themselves, by [File.Rows], which costs a twentieth of what a
// SELECT does, and rows that end are changed where they lie, by [File.End] and
// [File.Move]. [File.Publish] packs all into a new file that it renames over the
// published one. A [Reader] reads rows alone: of a published file, by
// [OpenReader], or of what a File holds at a moment, by [File.Reader].
//
//	rows, err := file.Rows("versions")
//	…
//	defer rows.Close()
//	for rows.Next() {
//		path, size := rows.Column(0).Text(), rows.Column(2).Int()
//		…
//	}
//	err = rows.Err()
//
// # What is relied upon
//
// Of QL's file format 2 and of modernc.org/file, which keeps its space:
//
//   - A handle h is the offset 16(h-1)+304. There the length of a record stands
//     as a varint, and behind it the values. A negative length is the offset,
//     negated, where the record stands instead, with its length.
//   - Handle 1 holds the handle of the first table. A table is a record: the
//     handle of the next one, its columns, the handle of the handle of its first
//     row, and its name. A row is the handle of the next one, its id() and its
//     columns. New rows come first.
//   - A value is a tag of one byte and what that asks for, see [Value]. An
//     integer is a varint, a string or a blob stands behind its length, a time is
//     what MarshalBinary of a time.Time returns, and a number with a fraction is
//     its bits as a varint.
//   - A record takes its length, rounded up to 16 bytes, and may be overwritten
//     within that. An allocator on the same file, while QL has it closed, frees
//     records and makes room for new ones, and QL goes on from there.
//   - QL reads and writes through an OSFile, never reads back what its log has
//     not written there once a transaction is committed, and writes nothing to a
//     database that is only read.
//
// A file that was written by one version of QL must be read by all later ones.
// TestFormat would notice that a new one writes otherwise: it compares a database
// that QL has just written, value by value and after rows were moved and ended,
// with what is read here and with what QL answers itself, and has QL's allocator
// check the space. TestMigrate of the catalog reads a file that an earlier version
// has written.
//
// # Errors
//
// [ErrDamaged] says that something was read and does not check. What could not
// be read is the error of the system: the file may well be whole, and must not
// be replaced for it.
package qlfile

import "errors"

var (
	// ErrDamaged says that the file is no catalog, or no longer one.
	ErrDamaged = errors.New("catalog is damaged: delete it, and the next command rebuilds it from the manifests")
	// ErrPrivate says that files cannot be made that are needed to read the catalog.
	ErrPrivate = errors.New("the temporary files of the catalog cannot be made")
	// ErrNewer says that a later version of phlb wrote the catalog.
	ErrNewer = errors.New("catalog was written by a newer phlb: update phlb to use it")
	// ErrStale says that somebody else has published since the catalog was
	// opened. Open it again and absorb what is missing.
	ErrStale = errors.New("catalog was changed by somebody else meanwhile")
	// ErrClosed says that the catalog was closed or published.
	ErrClosed = errors.New("catalog is closed")
	// ErrRewrite says that a copy of the rows that stay is the better way.
	ErrRewrite = errors.New("too few rows are left to be moved where they lie")
)
