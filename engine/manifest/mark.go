package manifest

import (
	"crypto/sha256"
	"encoding/binary"
)

// A Mark stands for an entry in eight bytes: 48 bits are a hash of what a look
// at source and snapshot tells of one that is as it was, or 0 where that cannot
// tell; 15 are one of its path, and the lowest one says that it is a directory.
//
// Paths are only hashed to tell which entry comes next: another one may seem to
// be that, once in 32,768 times that none does.
type Mark uint64

const (
	markDir  = 1
	markPath = 1<<16 - 1
)

// PathMark is the part of a Mark that is about the path.
type PathMark uint32

// MarkPath returns that of a directory with the path folder.
func MarkPath(folder string) PathMark { return fnv(fnvOffset, folder) }

// In returns that of what is called name in the directory with the path folder
// whose PathMark is p, and is no directory itself.
func (p PathMark) In(folder, name string) PathMark {
	if folder == "." {
		return fnv(fnvOffset, name)
	}
	return fnv(fnv(p, "/"), name)
}

// FNV-1a in 32 bits, see RFC 9923.
const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

// fnv goes on from h, which hash/fnv cannot: a folder is hashed once for all names
// in it.
func fnv(h PathMark, s string) PathMark {
	for i := range len(s) {
		h = (h ^ PathMark(s[i])) * fnvPrime
	}
	return h
}

// bits returns what of p stands in a Mark.
func (p PathMark) bits(isDir bool) Mark {
	m := Mark(p^p>>16) & markPath &^ markDir
	if isDir {
		m |= markDir
	}
	return m
}

// IsDir reports whether m is that of a directory.
func (m Mark) IsDir() bool { return m&markDir != 0 }

// Matches reports whether m may be of an entry with that path.
func (m Mark) Matches(p PathMark, isDir bool) bool { return m&markPath == p.bits(isDir) }

// Vouches reports whether e, as just looked at, is the entry that m is of, and
// all of that entry as it was: of what the snapshot has there, stored is the
// modification time.
func (m Mark) Vouches(e *Entry, stored Time) bool {
	return m&^markPath != 0 && m&^markPath == state(e, stored)
}

// mark returns that of e.
func (e *Entry) mark() Mark {
	m := MarkPath(e.Path).bits(e.Kind == Dir)
	if e.Racy || e.Absent || e.Group != 0 || e.InSnapshot().Permissions != e.Permissions {
		return m
	}
	return m | state(e, e.InSnapshot().Mtime)
}

// state returns the hash of what looks tell.
func state(e *Entry, stored Time) Mark {
	var b [72]byte
	for i, n := range [...]uint64{
		uint64(e.Kind)<<32 | uint64(e.Mode), uint64(e.UID)<<32 | uint64(e.GID), uint64(e.Size),
		uint64(e.Mtime.Sec), uint64(e.Ctime.Sec), uint64(e.Mtime.Nsec)<<32 | uint64(e.Ctime.Nsec), e.Inode,
		uint64(stored.Sec), uint64(stored.Nsec),
	} {
		binary.LittleEndian.PutUint64(b[8*i:], n)
	}
	sum := sha256.Sum256(append(b[:], e.SourceName...))
	return Mark(binary.LittleEndian.Uint64(sum[:])) &^ markPath
}
