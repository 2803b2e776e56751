package store

import (
	"os"
	"strings"
	"sync"
	"testing"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	root, err := Create(t.TempDir())
	must(t, err)
	defer root.Close()
	const head = "head 1\n"
	check := func(want string) {
		t.Helper()
		got, err := os.ReadFile(root.JournalPath())
		if err != nil || string(got) != want {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
	}
	must(t, root.AppendJournal(head, "a\n"))
	check("head 1\na\n")
	if info, err := os.Stat(root.JournalPath()); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Error("others may read it:", info.Mode(), err)
	}
	must(t, root.AppendJournal(head, "b\nc\n"))
	check("head 1\na\nb\nc\n")
	// A kill or a full disk has cut a line off, which spoils none behind it.
	must(t, os.Truncate(root.JournalPath(), 10))
	must(t, root.AppendJournal(head, "d\n"))
	check("head 1\na\nb\nd\n")
	must(t, os.WriteFile(root.JournalPath(), []byte("head 1\na\nbro"), 0o600))
	must(t, root.AppendJournal(head, "d\n"))
	check("head 1\na\nbro\nd\n")
	must(t, os.WriteFile(root.JournalPath(), []byte("he"), 0o600))
	must(t, root.AppendJournal(head, "d\n"))
	check("he\nd\n")
}

// TestJournalAtOnce has several add lines at once, as hosts do whose locks say
// nothing to each other. One that sees the line of another half written ends it
// with a newline that then stands alone.
func TestJournalAtOnce(t *testing.T) {
	t.Parallel()
	root, err := Create(t.TempDir())
	must(t, err)
	defer root.Close()
	must(t, root.AppendJournal("head 1\n", "first\n"))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				if err := root.AppendJournal("head 1\n", strings.Repeat(string(rune('a'+i)), 100)+"\n"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	data, err := os.ReadFile(root.JournalPath())
	must(t, err)
	lines := strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
	if len(lines) != 2+8*20 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines[2:] {
		if l != strings.Repeat(l[:1], 100) {
			t.Fatalf("a line is torn: %q", l)
		}
	}
}
