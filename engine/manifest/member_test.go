package manifest

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// written returns a manifest of the entries, and its members with the entries
// of each.
func written(t *testing.T, entries []Entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, Header{Name: "test"})
	for i := range entries {
		if err := w.Write(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(Summary{}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func many(n int) []Entry {
	entries := []Entry{{Path: ".", Kind: Dir}}
	for i := range n {
		entries = append(entries, Entry{Path: fmt.Sprintf("file-%06d", i), Kind: File, Size: int64(i), Digest: Digest{byte(i), byte(i >> 8)}})
	}
	return entries
}

type part struct {
	Member
	entries []Entry
	whole   bool // the member holds these entries and nothing else
}

// parts reads a manifest by members.
func parts(t *testing.T, text []byte) (all []part) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var p part
	for {
		var e Entry
		if err := r.Next(&e); err == io.EOF {
			return append(all, p)
		} else if err != nil {
			t.Fatal(err)
		}
		p.entries = append(p.entries, e)
		if member, last := r.Member(); last {
			p.Member, p.whole = member, len(all) > 0 // the first holds the header
			all = append(all, p)
			p = part{}
		}
	}
}

func TestMembers(t *testing.T) {
	entries := many(10_000)
	text := written(t, entries)
	all := parts(t, text)
	if len(all) < 4 {
		t.Fatalf("%d members, want several", len(all))
	}
	var again []Entry
	for i, p := range all {
		again = append(again, p.entries...)
		if !p.whole {
			continue
		}
		if p.Start != all[i-1].End || p.End <= p.Start {
			t.Errorf("member %d lies at %+v, the one before at %+v", i, p.Member, all[i-1].Member)
		}
	}
	if len(again) != len(entries) || !again[5000].Equal(&entries[5000]) {
		t.Errorf("read %d entries, want %d", len(again), len(entries))
	}

	t.Run("Copy", func(t *testing.T) {
		var out bytes.Buffer
		w := NewWriter(&out, Header{Name: "another"})
		for i, p := range all {
			if p.whole {
				if err := w.Copy(io.NewSectionReader(bytes.NewReader(text), p.Start, p.End-p.Start), p.entries); err != nil {
					t.Fatal(err)
				}
				continue
			}
			for at := range p.entries {
				if err := w.Write(&p.entries[at]); err != nil {
					t.Fatal(err)
				}
			}
			if i < len(all)-1 {
				if err := w.Boundary(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(Summary{}); err != nil {
			t.Fatal(err)
		}
		copied := parts(t, out.Bytes())
		if len(copied) != len(all) {
			t.Fatalf("%d members, want %d", len(copied), len(all))
		}
		var n int
		for i, p := range copied {
			n += len(p.entries)
			if p.whole && !bytes.Equal(out.Bytes()[p.Start:p.End], text[all[i].Start:all[i].End]) {
				t.Errorf("member %d was not copied", i)
			}
		}
		if n != len(entries) {
			t.Errorf("read %d entries, want %d", n, len(entries))
		}
	})
	t.Run("CopyOutOfOrder", func(t *testing.T) {
		w := NewWriter(io.Discard, Header{})
		defer w.Abort()
		p := all[2]
		if err := w.Copy(io.NewSectionReader(bytes.NewReader(text), p.Start, p.End-p.Start), p.entries); err != nil {
			t.Fatal(err)
		}
		if err := w.Copy(io.NewSectionReader(bytes.NewReader(text), p.Start, p.End-p.Start), p.entries); err == nil {
			t.Error("the same entries were taken twice")
		}
	})
	t.Run("CopyAfterLittle", func(t *testing.T) {
		// A member for a single entry would be a waste: all are written anew.
		var out bytes.Buffer
		w := NewWriter(&out, Header{})
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&entries[1]); err != nil {
			t.Fatal(err)
		}
		p := all[2]
		if err := w.Copy(io.NewSectionReader(bytes.NewReader(text), p.Start, p.End-p.Start), p.entries); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(Summary{}); err != nil {
			t.Fatal(err)
		}
		if again := parts(t, out.Bytes()); len(again) != 2 && len(again) != 3 {
			t.Errorf("%d members", len(again))
		} else if n := len(again[len(again)-1].entries) + len(again[len(again)-2].entries); n != len(p.entries)+1 {
			t.Errorf("read %d entries, want %d", n, len(p.entries)+1)
		}
	})
}
