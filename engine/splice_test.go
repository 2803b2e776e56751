package engine_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

// compressed returns the manifest's file in pieces, one for every member that
// holds nothing but entries.
func (r *repo) compressed(s *engine.Snapshot) (members map[string]bool) {
	r.Helper()
	text, err := os.ReadFile(s.Path + manifest.Suffix)
	r.must(err)
	in, err := manifest.NewReader(bytes.NewReader(text))
	r.must(err)
	members = map[string]bool{}
	for _, err := range in.Entries() {
		r.must(err)
		if at, last := in.Member(); last && at.Start > 0 {
			members[string(text[at.Start:at.End])] = true
		}
	}
	return members
}

// Whatever changes between two runs, the manifest says what is there, and its
// parts in which nothing changed are those of the manifest before.
func TestManifestIsSpliced(t *testing.T) {
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
		old, same := r.compressed(before), 0
		for member := range r.compressed(after) {
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
