package engine_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

// members returns the parts of the manifest's file that can be copied.
func (r *repo) members(s *engine.Snapshot) (found map[uint64]bool) {
	r.Helper()
	text, err := os.ReadFile(s.Path + manifest.Suffix)
	r.must(err)
	in, err := manifest.NewReader(bytes.NewReader(text))
	r.must(err)
	found = map[uint64]bool{}
	for in.HasMember() {
		var m manifest.Member
		r.must(in.NextMember(&m))
		sum := fnv.New64a()
		for _, mark := range m.Marks {
			fmt.Fprintln(sum, mark)
		}
		found[sum.Sum64()] = true
	}
	return found
}

// Whatever changes between two runs, the manifest says what is there, and its
// parts in which nothing changed are those of the manifest before.
func TestManifestIsSpliced(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	seed := uint64(os.Getpid())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	name := func(n int) string { return fmt.Sprintf("d%02d/a-file-with-a-name-of-some-length-%05d", n%16, n) }
	const files = 6000
	for n := range files {
		r.write(name(n), fmt.Sprint(n%7))
	}
	before := r.backup()
	for _, changes := range []int{0, 1, 20, 0} {
		for range changes {
			path := r.in(name(random.IntN(files)))
			switch random.IntN(3) {
			case 0:
				os.Remove(path)
			case 1:
				r.must(os.WriteFile(path, []byte(fmt.Sprint("changed", random.Int())), 0o644))
			case 2:
				r.must(os.WriteFile(path+"-new", []byte("new"), 0o644))
			}
		}
		after := r.backup()
		r.alike(after)
		old, same := r.members(before), 0
		for member := range r.members(after) {
			if old[member] {
				same++
			}
		}
		// A change breaks the member it lies in, and the one after it where the
		// end of that moves.
		if want := len(old) - 1 - 2*changes; same < want {
			t.Errorf("after %d changes, %d of %d members are the same, want %d", changes, same, len(old), want)
		}
		before = after
	}
}

// A manifest that was compressed anew, in members that end where they happen to,
// is read as any other, and the next one holds all of it.
func TestManifestInBlocks(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for n := range 3000 {
		r.write(fmt.Sprintf("d%02d/a-file-with-a-name-of-some-length-%05d", n%16, n), fmt.Sprint(n%7))
	}
	first := r.backup()
	path := first.Path + manifest.Suffix
	f, err := os.Open(path)
	r.must(err)
	in, err := gzip.NewReader(f)
	r.must(err)
	text, err := io.ReadAll(in)
	r.must(errors.Join(err, f.Close()))
	var blocks bytes.Buffer
	for n := 0; len(text) > 0; n++ {
		size := min(10_000, len(text))
		if n%3 == 2 { // this one ends with an entry
			if more := bytes.Index(text[size:], []byte("\n#f")); more >= 0 {
				size += more + 1
			}
		}
		out := gzip.NewWriter(&blocks)
		out.Write(text[:size])
		r.must(out.Close())
		text = text[size:]
	}
	r.must(os.WriteFile(path, blocks.Bytes(), 0o644))
	r.counts(r.backup(), 3000, 0, 0)
	r.alike(r.backup())
}

// sameMark returns a name before name whose path, in that folder, has the same mark.
func sameMark(t *testing.T, folder, name string, isDir bool) string {
	t.Helper()
	mark := func(name string) manifest.PathMark {
		if !isDir {
			return manifest.MarkPath(folder).In(folder, name)
		}
		return manifest.MarkPath(path.Join(folder, name))
	}
	var out bytes.Buffer
	kind := manifest.File
	if isDir {
		kind = manifest.Dir
	}
	w := manifest.NewWriter(&out, manifest.Header{})
	err := w.Write(&manifest.Entry{Path: path.Join(folder, name), Kind: kind})
	if err = errors.Join(err, w.Close(manifest.Summary{})); err != nil {
		t.Fatal(err)
	}
	in, err := manifest.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest.Member
	if err := in.NextMember(&m); err != nil {
		t.Fatal(err)
	}
	for n := range 10_000_000 {
		if other := fmt.Sprint("a", n); m.Marks[0].Matches(mark(other), isDir) {
			return other
		}
	}
	t.Fatal("no name has the same mark")
	return ""
}

// Paths are told apart by short marks first. Where two have the same, what is new
// does not take the place of what was there.
func TestPathsOfOneMark(t *testing.T) {
	t.Parallel()
	t.Run("File", func(t *testing.T) {
		r := newRepo(t)
		r.write("d/file", "was there", "d/other", "too", "later", "last")
		r.backup()
		added := "d/" + sameMark(t, "d", "file", false)
		r.write(added, "is new")
		s := r.backup()
		r.check(s)
		r.alike(s)
		r.counts(s, 2, 1, 1) // what was there is found again by its content
		r.indexed(s)
	})
	t.Run("Folder", func(t *testing.T) {
		r := newRepo(t)
		r.write("d/folder/file", "was there", "d/z/other", "too", "later", "last")
		r.backup()
		added := "d/" + sameMark(t, "d", "folder", true)
		r.write(added+"/file", "is new")
		s := r.backup()
		r.check(s)
		r.alike(s)
		r.indexed(s)
	})
	t.Run("Instead", func(t *testing.T) {
		r := newRepo(t)
		r.write("d/file", "was there", "d/other", "too")
		r.backup()
		r.must(os.Rename(r.in("d/file"), r.in("d/"+sameMark(t, "d", "file", false))))
		s := r.backup()
		r.check(s)
		r.alike(s)
		r.counts(s, 1, 1, 0)
		r.indexed(s)
	})
}

// TestManifestOfLies gives a part of the manifest before another text and a
// checksum that is right, which no rot does. As long as its marks vouch for all of it,
// nobody looks; once that text is needed, it is not made up.
func TestManifestOfLies(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for n := range 300 {
		r.write(fmt.Sprintf("a-file-with-a-name-of-some-length-%05d", n), fmt.Sprint(n))
	}
	before := r.backup()
	data, err := os.ReadFile(before.Path + manifest.Suffix)
	r.must(err)
	member := data[bytes.LastIndex(data, []byte("\x1f\x8b\x08\x04")):] // see package manifest
	member = member[:binary.LittleEndian.Uint32(member[16:])]
	for at := len(member) - 100; at < len(member)-50; at++ {
		member[at] ^= 0x55
	}
	binary.LittleEndian.PutUint32(member[20:], crc32.Checksum(member[24:], crc32.MakeTable(crc32.Castagnoli)))
	r.must(os.WriteFile(before.Path+manifest.Suffix, data, 0o644))
	r.write("a-file-with-a-name-of-some-length-00299", "changed")
	_, err = r.try(engine.Source{})
	if err == nil || !strings.Contains(err.Error(), "manifest of source/"+before.Stamp) || !strings.Contains(err.Error(), "phlb add") {
		t.Fatalf("the error is %v", err)
	}
	if found := r.snapshots(); len(found) > 1 {
		t.Errorf("%d snapshots were sealed", len(found))
	}
	// What the error says helps.
	r.must(os.Rename(before.Path+manifest.Suffix, before.Path+manifest.Suffix+".old"))
	r.adopt("")
	r.alike(r.backup())
}
