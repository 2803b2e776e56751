package known

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"phlb/engine/manifest"
)

// spool remembers the files that a run has stored, by content. It keeps some
// forty bytes of memory for each; the rest goes to a temporary file, which is
// made when there is enough of it.
type spool struct {
	dir  string // for the file; the system's if empty
	file *os.File
	size int64            // of the file
	tail []byte           // what comes after it
	last map[uint64]int64 // by prefix of the digest, where its last record is, counted from 1
}

const spoolTail = 256 << 10

// fresh is a file that the run has stored, or linked to.
type fresh struct {
	path   string
	stored manifest.Stored
	xattrs []manifest.Xattr
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}

// add appends a record: its length, where the one before of that prefix is, the
// digest, and what [fresh] holds.
func (s *spool) add(e *manifest.Entry) error {
	if s.last == nil {
		s.last = map[uint64]int64{}
	}
	prefix := e.Digest.Prefix()
	start := len(s.tail)
	b := append(s.tail, 0, 0, 0, 0)
	b = binary.AppendVarint(b, s.last[prefix])
	b = appendText(b, string(e.Digest.Bytes()))
	stored := e.InSnapshot()
	for _, n := range []uint32{stored.Mode, stored.UID, stored.GID, stored.Mtime.Nsec} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.AppendVarint(b, stored.Mtime.Sec)
	b = appendText(b, e.Path)
	b = binary.AppendUvarint(b, uint64(len(e.Xattrs)))
	for _, x := range e.Xattrs {
		b = appendText(appendText(b, x.Name), x.Value)
	}
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	s.tail, s.last[prefix] = b, s.size+int64(start)+1
	if len(b) < spoolTail {
		return nil
	}
	if s.file == nil {
		file, err := os.CreateTemp(s.dir, "phlb-run-")
		if err != nil {
			return fmt.Errorf("remember what was stored: %w", err)
		}
		s.file = file
	}
	if _, err := s.file.Write(b); err != nil {
		return fmt.Errorf("remember what was stored: %w", err)
	}
	s.size, s.tail = s.size+int64(len(b)), b[:0]
	return nil
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// find returns at most limit files of a digest, the last added first.
func (s *spool) find(d manifest.Digest, limit int) (found []fresh, err error) {
	for at := s.last[d.Prefix()]; at > 0 && len(found) < limit; {
		r, err := s.record(at - 1)
		if err != nil {
			return nil, fmt.Errorf("remember what was stored: %w", err)
		}
		at = r.varint()
		digest := r.text()
		f := fresh{}
		f.stored.Mode, f.stored.UID, f.stored.GID = uint32(r.uvarint()), uint32(r.uvarint()), uint32(r.uvarint())
		f.stored.Mtime.Nsec = uint32(r.uvarint())
		f.stored.Mtime.Sec = r.varint()
		f.path = r.text()
		for range r.uvarint() {
			f.xattrs = append(f.xattrs, manifest.Xattr{Name: r.text(), Value: r.text()})
		}
		if digest == string(d.Bytes()) {
			found = append(found, f)
		}
	}
	return found, nil
}

// record is what is left to read of one.
type record []byte

func (s *spool) record(at int64) (*record, error) {
	const head = 4
	if at >= s.size {
		r := record(s.tail[at-s.size:])
		r = r[head:binary.NativeEndian.Uint32(r)]
		return &r, nil
	}
	var length [head]byte
	if _, err := s.file.ReadAt(length[:], at); err != nil {
		return nil, err
	}
	r := make(record, binary.NativeEndian.Uint32(length[:])-head)
	_, err := io.ReadFull(io.NewSectionReader(s.file, at+head, int64(len(r))), r)
	return &r, err
}

func (r *record) take(n int) []byte {
	taken := (*r)[:n]
	*r = (*r)[n:]
	return taken
}

func (r *record) uvarint() uint64 {
	v, n := binary.Uvarint(*r)
	r.take(n)
	return v
}

func (r *record) varint() int64 {
	v, n := binary.Varint(*r)
	r.take(n)
	return v
}

func (r *record) text() string { return string(r.take(int(r.uvarint()))) }
