package catalog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"phlb/engine/catalog/journal"
	"phlb/engine/manifest"
)

// memory is a journal in memory.
type memory struct{ bytes.Buffer }

func (j *memory) keep(t *testing.T, c *Catalog) {
	t.Helper()
	err := c.Keep(t.Context(), func(lines string) error {
		if j.Len() == 0 {
			j.WriteString(journal.Head)
		}
		j.WriteString(lines)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	j.absorb(t, c)
}

func (j *memory) absorb(t *testing.T, c *Catalog) (bad []int64) {
	t.Helper()
	bad, err := c.AbsorbJournal(t.Context(), bytes.NewReader(j.Bytes()), int64(j.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return bad
}

// historyOf returns what the tables hold that is in no manifest.
func historyOf(t *testing.T, c *Catalog) (list []string) {
	t.Helper()
	for _, statement := range []string{
		`SELECT verb, "|", name, "|", stamp, "|", snapshot, "|", host, "|", outcome, "|", error, "|", started, finished FROM runs`,
		"SELECT snapshot, sample, files, read, bytes, problems, healed, started, finished FROM verifications",
		"SELECT digest, snapshot, path, found, what FROM damage",
	} {
		got, err := ask(t, c, statement)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		list = append(list, got...)
	}
	return list
}

// noteMuch notes some of everything, of the snapshots a/stamp 001 and b/stamp 002.
func noteMuch(t *testing.T, c *Catalog, one, two ID) {
	t.Helper()
	at := func(sec int64) time.Time { return time.Unix(sec, 1).In(time.FixedZone("east", 7200)) }
	c.NoteRun(
		Run{Verb: "backup", Name: "a", Stamp: "stamp 001", Snapshot: one, Host: "laptop", Started: at(10), Finished: at(20), Outcome: OK},
		Run{Verb: "backup", Name: "c\xff\n", Host: "laptop", Started: at(30), Finished: at(40), Outcome: Failed, Error: "\"no\" <space>\nleft"},
	)
	c.NoteVerification(Verification{Snapshot: one, Started: at(50), Finished: at(60), Sample: 0.25, Files: 10, Read: 3, Bytes: 400, Problems: 2, Healed: 1})
	c.NoteVerification(Verification{Snapshot: two, Started: at(70), Finished: at(80), Sample: 1})
	err := c.RecordDamage(
		Damage{Digest: manifest.Digest256([32]byte{1}), Snapshot: one, Path: "x\xfe", Found: at(55), What: "content"}, Damage{Digest: manifest.Digest256([32]byte{2}), Snapshot: two, Path: "y", Found: at(75), What: "size"},
		Damage{Digest: manifest.Digest256([32]byte{3}), Snapshot: two, Path: `"z`, Found: at(76), What: "content"},
	)
	if err == nil {
		err = c.ClearDamage(manifest.Digest256([32]byte{2}))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func twoSnapshots(t *testing.T, c *Catalog) (one, two ID) {
	t.Helper()
	one, two = mustAbsorb(t, c, snapshot("a", 1), files(10, 1)), mustAbsorb(t, c, snapshot("b", 2), files(10, 2))
	return one, two
}

// TestJournal deletes the catalog, and finds all of its history again.
func TestJournal(t *testing.T) {
	t.Parallel()
	var j memory
	c := newCatalog(t)
	one, two := twoSnapshots(t, c)
	j.absorb(t, c) // there is none
	noteMuch(t, c, one, two)
	j.keep(t, c)
	want := historyOf(t, c)
	if len(want) != 6 {
		t.Fatalf("history is %q", want)
	}
	size := j.Len()
	j.keep(t, c) // there is nothing to be added
	c = reopen(t, c)
	j.absorb(t, c)
	j.keep(t, c)
	if got := historyOf(t, c); !slices.Equal(got, want) || j.Len() != size {
		t.Errorf("history is %q, and was %q; %d bytes of %d", got, want, j.Len(), size)
	}
	text := j.String()
	if !strings.HasPrefix(text, journal.Head) || strings.Count(text, "\n") != 9 || !strings.Contains(text, `"stamp":"stamp 001"`) || strings.Contains(text, `\u003c`) {
		t.Errorf("journal is\n%s", text)
	}
	// Other numbers, and the journal before the snapshots.
	again := newCatalog(t)
	mustAbsorb(t, again, snapshot("else", 9), files(3, 1))
	j.absorb(t, again)
	two, one = mustAbsorb(t, again, snapshot("b", 2), files(10, 2)), mustAbsorb(t, again, snapshot("a", 1), files(10, 1))
	j.absorb(t, again)
	got := historyOf(t, again)
	if len(got) != 6 || !strings.Contains(got[0]+got[1], "|stamp 001|3|") {
		t.Errorf("history is %q, and was %q", got, want)
	}
	if last, err := again.LastVerified(t.Context(), one); err != nil || last.Unix() != 60 {
		t.Error(last, err)
	}
	damaged, err := again.Damaged(t.Context())
	if err != nil || len(damaged) != 2 || damaged[manifest.Digest256([32]byte{1})][0].Path != "x\xfe" || damaged[manifest.Digest256([32]byte{3})][0].Snapshot != two {
		t.Error(damaged, err)
	}
	// Noted once more, a run is there once.
	again.NoteRun(Run{Verb: "backup", Name: "a", Stamp: "stamp 001", Snapshot: one, Host: "laptop", Started: time.Unix(10, 1), Finished: time.Unix(20, 1), Outcome: OK})
	j.keep(t, again)
	if j.Len() != size {
		t.Error("a run was written twice")
	}
	// Two catalogs of one root, elsewhere.
	again.NoteRun(Run{Verb: "remove", Name: "b", Outcome: OK})
	j.keep(t, again)
	j.absorb(t, c)
	if n := count(t, c, "SELECT count() FROM runs"); n != 3 {
		t.Errorf("%d runs", n)
	}
}

// TestJournalRemoved notes a removal, with the number that the snapshot had.
func TestJournalRemoved(t *testing.T) {
	t.Parallel()
	var j memory
	c := newCatalog(t)
	one, _ := twoSnapshots(t, c)
	c = reopen(t, c)
	if err := c.Remove(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	c.NoteRun(Run{Verb: "remove", Name: "a", Stamp: "stamp 001", Snapshot: one, Outcome: OK})
	j.keep(t, c)
	if got := historyOf(t, c); len(got) != 1 || !strings.HasPrefix(got[0], "remove|a|stamp 001|1|") {
		t.Errorf("history is %q", got)
	}
}

// TestJournalUnwritten has a journal that cannot be written for a while.
func TestJournalUnwritten(t *testing.T) {
	t.Parallel()
	var j memory
	c := newCatalog(t)
	one, two := twoSnapshots(t, c)
	noteMuch(t, c, one, two)
	err := c.Keep(t.Context(), func(string) error { return syscall.ENOSPC })
	checkError(t, err, syscall.ENOSPC)
	c = reopen(t, c)
	want := historyOf(t, c)
	if len(want) != 6 {
		t.Fatalf("history is %q", want)
	}
	// Somebody else has begun one.
	other := newCatalog(t)
	other.NoteRun(Run{Verb: "add", Outcome: OK})
	j.keep(t, other)
	j.absorb(t, c)
	if n := len(historyOf(t, c)); n != 7 {
		t.Errorf("%d lines of history", n)
	}
	c = reopen(t, c)
	j.keep(t, c)
	c = reopen(t, c)
	if got := historyOf(t, c); len(got) != 7 {
		t.Errorf("history is %q, and was %q", got, want)
	}
	j.absorb(t, other)
	if n := count(t, other, "SELECT count() FROM runs"); n != 3 {
		t.Errorf("%d runs", n)
	}
}

// TestJournalLost has the journal deleted, or an older one put back.
func TestJournalLost(t *testing.T) {
	t.Parallel()
	var j memory
	c := newCatalog(t)
	c.NoteRun(Run{Verb: "add", Outcome: OK})
	j.keep(t, c)
	old := memory{*bytes.NewBufferString(j.String())}
	one, two := twoSnapshots(t, c)
	noteMuch(t, c, one, two)
	j.keep(t, c)
	c = reopen(t, c)
	want := historyOf(t, c)
	for name, j := range map[string]*memory{"Deleted": {}, "Older": &old} {
		c := mustOpen(t, c.path)
		j.absorb(t, c)
		if got := historyOf(t, c); !slices.Equal(got, want) {
			t.Errorf("%s: history is %q, and was %q", name, got, want)
		}
		j.keep(t, c)
		fresh := newCatalog(t)
		twoSnapshots(t, fresh)
		j.absorb(t, fresh)
		for _, c := range []*Catalog{c, fresh} {
			if got := historyOf(t, c); !slices.Equal(got, want) {
				t.Errorf("%s: history is %q, and was %q", name, got, want)
			}
		}
	}
}

// TestJournalLines reads journals that are not whole.
func TestJournalLines(t *testing.T) {
	t.Parallel()
	run := journal.Line{Run: &journal.Run{Verb: "add", Outcome: OK}}.String() + "\n"
	other := journal.Line{Run: &journal.Run{Verb: "verify", Outcome: OK}}.String() + "\n"
	for name, test := range map[string]struct {
		text string
		runs int64
		bad  int
		err  error
	}{
		"Whole":    {journal.Head + run + other, 2, 0, nil},
		"Torn":     {journal.Head + run + other[:len(other)-3], 1, 0, nil},
		"NoEnd":    {journal.Head + run + other[:len(other)-1], 1, 0, nil},
		"TornEnds": {journal.Head + other[:20] + "\n" + run, 1, 1, nil},
		"Zeros":    {journal.Head + strings.Repeat("\x00", 5000) + "\n" + run + other, 2, 1, nil},
		"Long":     {journal.Head + strings.Repeat("x", 3<<20) + "\n" + run + other, 2, 1, nil},
		"LongJSON": {journal.Head + run[:len(run)-1] + strings.Repeat(" ", 1<<20) + "\n" + other, 1, 1, nil},
		"Middle":   {journal.Head + run + "{\"run\":{]}\n" + "{}\n" + `{"damaged":{"digest":"12"}}` + "\n\n" + other, 2, 3, nil},
		"NoHead":   {run + other, 2, 0, nil},
		"TornHead": {journal.Head[:7] + "\n" + run, 1, 1, nil},
		"Later":    {strings.Replace(journal.Head, "1", "2", 1) + run, 0, 0, journal.ErrNewer},
		"Twice":    {journal.Head + run + run, 1, 0, nil},
		"Head":     {journal.Head, 0, 0, nil},
	} {
		c := newCatalog(t)
		bad, err := c.AbsorbJournal(t.Context(), strings.NewReader(test.text), int64(len(test.text)))
		if n := count(t, c, "SELECT count() FROM runs"); n != test.runs || len(bad) != test.bad || !errors.Is(err, test.err) {
			t.Errorf("%s: %d runs, %v cannot be read, %v", name, n, bad, err)
		}
		// What comes later is read then.
		if test.err == nil && strings.HasSuffix(test.text, "\n") {
			c = reopen(t, c)
			text := test.text + journal.Line{Run: &journal.Run{Verb: "later"}}.String() + "\n"
			bad, err := c.AbsorbJournal(t.Context(), strings.NewReader(text), int64(len(text)))
			if n := count(t, c, "SELECT count() FROM runs"); n != test.runs+1 || len(bad) > 0 || err != nil {
				t.Errorf("%s: %d runs, %v cannot be read, %v", name, n, bad, err)
			}
		}
	}
	c := newCatalog(t)
	if _, err := c.AbsorbJournal(t.Context(), zeros{}, 1<<40); !errors.Is(err, journal.ErrTooLong) {
		t.Errorf("without an end: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.AbsorbJournal(ctx, strings.NewReader(run), int64(len(run)))
	checkError(t, err, context.Canceled)
	_, err = c.AbsorbJournal(t.Context(), brokenDisk{}, 10)
	checkError(t, err, syscall.EIO)
}

type brokenDisk struct{}

var _ io.ReaderAt = brokenDisk{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, syscall.EIO }

// zeros has no end.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}
