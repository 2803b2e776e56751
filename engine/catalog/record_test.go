package catalog

import (
	"errors"
	"os"
	"testing"
	"time"

	"phlb/engine/manifest"
)

func TestRecord(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		c := newCatalog(t)
		c.batchRows = 120 // whole statements, and single ones, in several batches
		first, second := files(1000, 1), files(900, 2)
		one, err := record(t.Context(), c, 0, snapshot("a", 1), nil, first)
		if err != nil {
			t.Fatal(err)
		}
		c = reopen(t, c)
		c.batchRows = 3 // several updates for the ends
		two, err := record(t.Context(), c, one, snapshot("a", 2), first, second)
		if err != nil {
			t.Fatal(err)
		}
		c = reopen(t, c)
		checkTree(t, c, one, first)
		checkTree(t, c, two, second)
	})
	t.Run("Unchanged", func(t *testing.T) {
		c := newCatalog(t)
		what := files(2000, 1)
		id := mustAbsorb(t, c, snapshot("a", 1), what)
		c = reopen(t, c)
		before, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		rows := count(t, c, "SELECT count() FROM versions")
		for i := range 100 {
			if id, err = record(t.Context(), c, id, snapshot("a", 2+i), nil, nil); err != nil {
				t.Fatal(err)
			}
			c.NoteRun(Run{Verb: "backup", Name: "a", Stamp: "2026-11-22-104500", Snapshot: id, Host: "laptop", Started: time.Unix(int64(i), 0), Outcome: OK})
			c.NoteVerification(Verification{Snapshot: id, Sample: 0.1})
			c = reopen(t, c)
		}
		after, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if grown := after.Size() - before.Size(); grown > 1<<20 {
			t.Errorf("grew by %d bytes", grown)
		}
		if now := count(t, c, "SELECT count() FROM versions"); now != rows {
			t.Errorf("%d rows became %d", rows, now)
		}
		if n := count(t, c, "SELECT count() FROM snapshots"); n != 101 {
			t.Errorf("%d snapshots", n)
		}
		for _, table := range []string{"runs", "verifications"} {
			if n := count(t, c, "SELECT count() FROM "+table); n != 100 {
				t.Errorf("%d %s", n, table)
			}
		}
		checkTree(t, c, id, what)
	})
	t.Run("NeverTwice", func(t *testing.T) {
		c := newCatalog(t)
		id := mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
		if err := c.Remove(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		c = reopen(t, c)
		if again := mustAbsorb(t, c, snapshot("a", 1), files(10, 1)); again <= id {
			t.Fatalf("%d after %d", again, id)
		}
	})
	t.Run("Abort", func(t *testing.T) {
		c := newCatalog(t)
		c.batchRows = 2
		rec, err := c.Begin(t.Context(), "a", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range files(9, 1) {
			if err := rec.Add(&e); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := rec.Abort(); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, c, "SELECT count() FROM versions"); n != 0 {
			t.Fatalf("%d rows are left", n)
		}
		mustAbsorb(t, c, snapshot("a", 1), files(9, 1))
	})
	t.Run("ErrBase", func(t *testing.T) {
		c := newCatalog(t)
		id := mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
		_, err := c.Begin(t.Context(), "a", 0)
		checkError(t, err, ErrBase)
		rec, err := c.Begin(t.Context(), "a", id)
		if err != nil {
			t.Fatal(err)
		}
		rec.End(&manifest.Entry{Path: "nowhere"})
		_, err = rec.Commit(t.Context(), snapshot("a", 2))
		checkError(t, err, ErrBase)
		checkTree(t, c, id, files(10, 1))
	})
	t.Run("ErrKnown", func(t *testing.T) {
		c := newCatalog(t)
		id := mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
		_, err := record(t.Context(), c, id, snapshot("a", 1), nil, nil)
		checkError(t, err, ErrKnown)
		_, err = c.Absorb(t.Context(), next("a", 1), files(10, 1).entries(nil))
		checkError(t, err, ErrKnown)
	})
	t.Run("ErrBusy", func(t *testing.T) {
		c := newCatalog(t)
		rec, err := c.Begin(t.Context(), "a", 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Begin(t.Context(), "b", 0)
		checkError(t, err, ErrBusy)
		checkError(t, c.Remove(t.Context(), 1), ErrBusy)
		// What a run finds out on its way can still be noted.
		if err := c.RecordDamage(Damage{Path: "x"}); err != nil {
			t.Fatal(err)
		}
		if err := rec.Abort(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAbsorb(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		c := newCatalog(t)
		c.batchRows = 120
		var want []tree
		for step := range 6 {
			what := files(1000-step*30, step)
			want = append(want, what)
			mustAbsorb(t, c, snapshot("a", step), what)
			if step == 3 {
				c = reopen(t, c)
				c.batchRows = 70
			}
		}
		for i, what := range want {
			checkTree(t, c, ID(i+1), what)
		}
	})
	t.Run("AfterRecord", func(t *testing.T) {
		// What Absorb keeps in memory must not outlive what it is about.
		c := newCatalog(t)
		id := mustAbsorb(t, c, snapshot("a", 1), files(50, 1))
		if _, err := record(t.Context(), c, id, snapshot("a", 2), files(50, 1), files(60, 2)); err != nil {
			t.Fatal(err)
		}
		id = mustAbsorb(t, c, snapshot("a", 3), files(40, 3))
		checkTree(t, c, id, files(40, 3))
		checkTree(t, c, id-1, files(60, 2))
	})
	t.Run("ErrBroken", func(t *testing.T) {
		c := newCatalog(t)
		c.batchRows = 10
		id := mustAbsorb(t, c, snapshot("a", 1), files(100, 1))
		broken := errors.New("broken")
		_, err := c.Absorb(t.Context(), next("a", 2), files(200, 2).entries(broken))
		checkError(t, err, broken)
		checkTree(t, c, id, files(100, 1))
		if n := count(t, c, "SELECT count() FROM versions"); n != 100 {
			t.Fatalf("%d rows", n)
		}
	})
}
