package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os/exec"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// written returns a manifest of the entries.
func written(t testing.TB, entries []Entry) []byte {
	t.Helper()
	return write(t, Header{Name: "test"}, entries, Summary{})
}

func many(n int) []Entry {
	entries := []Entry{{Path: ".", Kind: Dir}}
	for i := range n {
		entries = append(entries, Entry{Path: fmt.Sprintf("file-%06d", i), Kind: File, Size: int64(i), Digest: Digest256([32]byte{byte(i), byte(i >> 8)})})
	}
	return entries
}

// skim reads a manifest by members, up to its end.
func skim(data []byte) (all []*Member, sum *Summary, err error) {
	r, err := NewReader(bytes.NewReader(data))
	for err == nil && r.HasMember() {
		var m Member
		if err = r.NextMember(&m); err == nil {
			all = append(all, &m)
		}
	}
	if err != nil {
		return all, nil, err
	}
	var e Entry
	if err := r.Next(&e); err != io.EOF {
		return all, nil, fmt.Errorf("behind the members: %q, %w", e.Path, err)
	}
	return all, r.Summary(), nil
}

// inflated returns what members hold.
func inflated(members []*Member) (all []Entry, err error) {
	for _, m := range members {
		if all, err = m.Entries(all); err != nil {
			return all, err
		}
	}
	return all, nil
}

func equal(a, b Entry) bool { return a.Equal(&b) }

// Members hold what else is read one by one, and their marks are of that.
func TestMembers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		by := rapid.SampledFrom(Algorithms).Draw(rt, "hash")
		want := entries(rt, by)
		all, sum, err := skim(write(t, Header{Name: "test", Hash: by}, want, Summary{}))
		if err != nil {
			rt.Fatal(err)
		}
		got, err := inflated(all)
		if err != nil {
			rt.Fatal(err)
		}
		if !slices.EqualFunc(got, want, equal) {
			rt.Errorf("read %v, want %v", got, want)
		}
		if sum == nil || sum.Entries != int64(len(want)) {
			rt.Errorf("the summary is %+v for %d entries", sum, len(want))
		}
		var marks []Mark
		for _, m := range all {
			marks = append(marks, m.Marks...)
		}
		for i := range want {
			if marks[i] != want[i].mark() {
				rt.Errorf("the mark of %+v is %x, want %x", want[i], marks[i], want[i].mark())
			}
		}
	})
}

// Members and entries can be read in turn.
func TestMembersMixed(t *testing.T) {
	want := many(2000)
	r, err := NewReader(bytes.NewReader(written(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	var got []Entry
	members := 0
	for n := 0; ; n++ {
		if r.HasMember() && n%200 < 100 {
			var m Member
			if err := r.NextMember(&m); err != nil {
				t.Fatal(err)
			}
			if got, err = m.Entries(got); err != nil {
				t.Fatal(err)
			}
			members++
			continue
		}
		var e Entry
		if err := r.Next(&e); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e); r.HasMember() != (len(got) < len(want) && r.lines.Buffered() == 0) {
			t.Fatalf("behind entry %d there is a member: %v", len(got), r.HasMember())
		}
	}
	if !slices.EqualFunc(got, want, equal) || r.Summary() == nil {
		t.Errorf("read %d entries, want %d; the summary is %v", len(got), len(want), r.Summary())
	}
	if members < 5 {
		t.Errorf("%d members were read whole", members)
	}
}

// Tools pass over the marks.
func TestMarksAreNoText(t *testing.T) {
	data := written(t, many(500))
	zcat := exec.Command("zcat")
	zcat.Stdin = bytes.NewReader(data)
	text, err := zcat.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("there is no zcat")
	}
	if err != nil || string(text) != unzip(t, data) {
		t.Errorf("zcat reads %d bytes, want %d (%v)", len(text), len(unzip(t, data)), err)
	}
}

func TestCopy(t *testing.T) {
	entries := many(3000)
	data := written(t, entries)
	all, _, err := skim(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("%d members, want more", len(all))
	}
	// ends returns the first and the last entry of a member.
	ends := func(m *Member) (first, last *Entry) {
		list, err := m.Entries(nil)
		if err != nil {
			t.Fatal(err)
		}
		return &list[0], &list[len(list)-1]
	}
	t.Run("All", func(t *testing.T) {
		var out bytes.Buffer
		w := NewWriter(&out, Header{Name: "another"})
		for _, m := range all {
			first, last := ends(m)
			if err := w.Copy(m, first, last); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(Summary{}); err != nil {
			t.Fatal(err)
		}
		copied, sum, err := skim(out.Bytes())
		if err != nil || sum == nil || sum.Entries != int64(len(entries)) {
			t.Fatalf("%v, %+v", err, sum)
		}
		if !slices.EqualFunc(copied, all, func(a, b *Member) bool { return bytes.Equal(a.raw, b.raw) }) {
			t.Error("not all members are what they were")
		}
		if _, got, _, err := read(out.Bytes()); err != nil || !slices.EqualFunc(got, entries, equal) {
			t.Errorf("read %d entries, want %d (%v)", len(got), len(entries), err)
		}
	})
	t.Run("OtherAlgorithm", func(t *testing.T) {
		w := NewWriter(io.Discard, Header{Hash: SHA512})
		defer w.Abort()
		first, last := ends(all[2])
		if err := w.Copy(all[2], first, last); err == nil {
			t.Error("digests by another algorithm were taken")
		}
	})
	t.Run("OutOfOrder", func(t *testing.T) {
		w := NewWriter(io.Discard, Header{})
		defer w.Abort()
		first, last := ends(all[2])
		if err := w.Copy(all[2], first, last); err != nil {
			t.Fatal(err)
		}
		if err := w.Copy(all[2], first, last); err == nil {
			t.Error("the same entries were taken twice")
		}
	})
	t.Run("AfterLittle", func(t *testing.T) {
		// A member for a single entry would be a waste: all are written anew.
		var out bytes.Buffer
		w := NewWriter(&out, Header{})
		if err := w.Write(&entries[1]); err != nil {
			t.Fatal(err)
		}
		first, last := ends(all[2])
		if err := w.Copy(all[2], first, last); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(Summary{}); err != nil {
			t.Fatal(err)
		}
		again, _, err := skim(out.Bytes())
		if err != nil || len(again) > 2 {
			t.Errorf("%d members (%v)", len(again), err)
		}
		if got, err := inflated(again); err != nil || len(got) != len(all[2].Marks)+1 {
			t.Errorf("read %d entries, want %d (%v)", len(got), len(all[2].Marks)+1, err)
		}
	})
}

// A bit that has flipped is noticed before anything is copied.
func TestFlippedBitsInMembers(t *testing.T) {
	data := written(t, many(100))
	whole, _, err := skim(data)
	if err != nil {
		t.Fatal(err)
	}
	for at := range data {
		for bit := range 8 {
			damaged := bytes.Clone(data)
			damaged[at] ^= 1 << bit
			all, _, _ := skim(damaged)
			for i, m := range all {
				// What is before the checksum is in every member the same, but
				// for times and systems that nobody looks at.
				if !bytes.Equal(m.raw[sumAt:], whole[i].raw[sumAt:]) || !slices.Equal(m.Marks, whole[i].Marks) {
					t.Fatalf("with bit %d of byte %d flipped, member %d was read", bit, at, i)
				}
				if _, err := m.Entries(nil); err != nil && !bytes.Equal(m.raw[:sumAt], whole[i].raw[:sumAt]) {
					t.Fatalf("with bit %d of byte %d flipped, member %d was read, but cannot be inflated: %v", bit, at, i, err)
				}
			}
		}
	}
}

// A file that ends within a member is cut off.
func TestMembersCutOff(t *testing.T) {
	data := written(t, many(300))
	for size := range data {
		if _, sum, err := skim(data[:size]); sum != nil || !errors.Is(err, ErrCutOff) {
			t.Fatalf("of %d bytes: %v, %v", size, sum, err)
		}
	}
}

// A mark vouches for what it is of, and for nothing else.
func TestMark(t *testing.T) {
	e := Entry{
		Path: "a/b", Kind: File, Size: 7, Mtime: Time{1, 2}, Ctime: Time{3, 4}, Inode: 5,
		Permissions: Permissions{Mode: 0o644, UID: 6, GID: 7},
	}
	m := e.mark()
	if !m.Vouches(&e, e.Mtime) || !m.Matches(MarkPath("a").In("a", "b"), false) || m.IsDir() {
		t.Fatalf("the mark %x does not fit its own entry", m)
	}
	if m.Vouches(&e, Time{1, 3}) {
		t.Error("it vouches for what is not as it was stored")
	}
	for name, change := range map[string]func(*Entry){
		"Kind":  func(e *Entry) { e.Kind = Fifo },
		"Size":  func(e *Entry) { e.Size++ },
		"Mtime": func(e *Entry) { e.Mtime.Nsec++ },
		"Ctime": func(e *Entry) { e.Ctime.Nsec++ },
		"Inode": func(e *Entry) { e.Inode++ },
		"Mode":  func(e *Entry) { e.Mode ^= 1 },
		"UID":   func(e *Entry) { e.UID++ },
		"GID":   func(e *Entry) { e.GID++ },
	} {
		other := e
		change(&other)
		if m.Vouches(&other, e.Mtime) {
			t.Errorf("it vouches for an entry with another %s", name)
		}
	}
	for name, change := range map[string]func(*Entry){
		"Racy":   func(e *Entry) { e.Racy = true },
		"Absent": func(e *Entry) { e.Absent = true },
		"Group":  func(e *Entry) { e.Group = 1 },
		"Stored": func(e *Entry) { e.Stored = &Stored{Permissions{Mode: 0o600}, e.Mtime} },
	} {
		other := e
		change(&other)
		if other.mark().Vouches(&other, e.Mtime) {
			t.Errorf("with %s, a look tells nothing, but the mark vouches", name)
		}
	}
	shared := e
	shared.Stored = &Stored{e.Permissions, Time{8, 9}}
	if m := shared.mark(); !m.Vouches(&e, Time{8, 9}) || m.Vouches(&e, e.Mtime) {
		t.Error("of a shared inode, it does not go by what was stored")
	}
}

func TestMarkPath(t *testing.T) {
	for _, c := range []struct{ folder, name, path string }{{".", "a", "a"}, {"a", "b", "a/b"}, {"a/b", "c d", "a/b/c d"}} {
		file, dir := Entry{Path: c.path, Kind: File}, Entry{Path: c.path, Kind: Dir}
		in := MarkPath(c.folder).In(c.folder, c.name)
		if !file.mark().Matches(in, false) || file.mark().Matches(in, true) {
			t.Errorf("%s does not match as a file alone", c.path)
		}
		if !dir.mark().Matches(MarkPath(c.path), true) || !dir.mark().IsDir() {
			t.Errorf("%s does not match as a directory", c.path)
		}
	}
	found := 0
	for i := range 100_000 {
		e := Entry{Path: fmt.Sprint("x", i), Kind: File}
		if e.mark().Matches(MarkPath(".").In(".", fmt.Sprint("x", i+1)), false) {
			found++
		}
	}
	if found > 30 { // 3 are to be expected
		t.Errorf("%d of 100,000 neighbours look the same", found)
	}
}

// FuzzMember gives a member anything for a content, under a checksum that is
// right. It holds an entry for each mark, or cannot be read.
func FuzzMember(f *testing.F) {
	data := written(f, many(5))
	at := bytes.LastIndex(data, []byte(memberID)) - idAt
	f.Add(data[at:])
	f.Fuzz(func(t *testing.T, member []byte) {
		if len(member) >= marksAt {
			binary.LittleEndian.PutUint32(member[sumAt:], crc32.Checksum(member[summedFrom:], castagnoli))
		}
		all, _, _ := skim(slices.Concat(data[:at], member))
		for _, m := range all {
			if got, err := m.Entries(nil); err == nil && (len(got) != len(m.Marks) || len(got) == 0) {
				t.Errorf("%d entries with %d marks", len(got), len(m.Marks))
			}
		}
	})
}
