package known

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"phlb/engine/manifest"
)

// What goes in comes out again, from the file and from what is not in it yet.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	s := spool{dir: dir}
	const files = 5000
	entry := func(i int) *manifest.Entry {
		e := &manifest.Entry{Path: fmt.Sprint(i, strings.Repeat("\xff\n", i%300)), Kind: manifest.File}
		sum := make([]byte, manifest.Algorithms[i%2].Size())
		sum[0], sum[1], sum[len(sum)-1] = byte(i/100), byte(i%3), byte(i%50) // digests of one prefix, and several files of one digest
		e.Digest, _ = manifest.DigestOf(sum)
		e.Mode, e.UID, e.GID = 0o4755, uint32(i), 1<<32-1
		e.Mtime = manifest.Time{Sec: int64(-i), Nsec: 999999999}
		if i%7 == 0 {
			e.Xattrs = []manifest.Xattr{{Name: "user.a", Value: "\x00"}, {Name: "user.b"}}
		}
		if i%11 == 0 {
			e.Stored = &manifest.Stored{Mtime: manifest.Time{Sec: 1 << 40}}
		}
		return e
	}
	want := map[manifest.Digest][]*manifest.Entry{}
	for i := range files {
		e := entry(i)
		if err := s.add(e); err != nil {
			t.Fatal(err)
		}
		want[e.Digest] = append(want[e.Digest], e)
	}
	if s.file == nil || len(s.tail) == 0 {
		t.Fatalf("%d bytes in the file, %d beside it; want some of each", s.size, len(s.tail))
	}
	for digest, entries := range want {
		found, err := s.find(digest, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != len(entries) {
			t.Fatalf("%d files of %v, want %d", len(found), digest, len(entries))
		}
		for i, f := range found {
			e := entries[len(entries)-1-i]
			if f.path != e.Path || f.stored != e.InSnapshot() || !manifest.SameXattrs(f.xattrs, e.Xattrs) {
				t.Errorf("got %+v, want %+v", f, e)
			}
		}
	}
	if found, err := s.find(entry(0).Digest, 1); len(found) != 1 || err != nil {
		t.Errorf("%d files, %v; want one", len(found), err)
	}
	if found, err := s.find(manifest.Digest256([32]byte{0xab}), 10); len(found) != 0 || err != nil {
		t.Errorf("found %v, %v of a content that is not there", found, err)
	}
	s.close()
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
