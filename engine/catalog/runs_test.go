package catalog

import (
	"os"
	"slices"
	"testing"
	"time"

	"phlb/engine/catalog/rows"
)

func TestHistory(t *testing.T) {
	at := func(sec int64) time.Time { return time.Unix(sec, 0).In(time.FixedZone("east", 7200)) }
	c := newCatalog(t)
	one := mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
	two := mustAbsorb(t, c, snapshot("a", 2), files(10, 2))
	c.NoteRun(
		Run{Verb: "backup", Name: "a", Stamp: "stamp 001", Snapshot: one, Host: "laptop", Started: at(10), Finished: at(20), Outcome: OK},
		Run{Verb: "backup", Name: "b", Host: "laptop", Started: at(30), Finished: at(40), Outcome: Failed, Error: "no space left"},
	)
	c.NoteVerification(Verification{Snapshot: one, Started: at(50), Finished: at(60), Sample: 0.25, Files: 10, Read: 3, Bytes: 400, Problems: 2, Healed: 1})
	if n := count(t, c, "SELECT count() FROM runs"); n != 0 {
		t.Errorf("%d runs before they are published", n)
	}
	c = reopen(t, c)
	c.NoteVerification(Verification{Snapshot: one, Started: at(70), Finished: at(80), Sample: 1})
	c.NoteVerification(Verification{Snapshot: two, Started: at(90), Finished: at(95)})
	c = reopen(t, c)
	check := func(statement string, want ...string) {
		t.Helper()
		got, err := ask(t, c, statement)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", statement, got, err, want)
		}
	}
	check(`SELECT verb, "|", name, "|", stamp, "|", snapshot, host, outcome, "|", error FROM runs`,
		"backup|a|stamp 001|1laptopok|", "backup|b||0laptopfailed|no space left")
	check(`SELECT started, finished FROM runs WHERE outcome = "ok"`, "1970-01-01 00:00:10 +0000 UTC 1970-01-01 00:00:20 +0000 UTC")
	last := func(id ID, want int64) {
		t.Helper()
		got, err := c.LastVerified(t.Context(), id)
		if err != nil || got.Unix() != want {
			t.Errorf("%d was verified at %v, want %v; %v", id, got, want, err)
		}
	}
	check("SELECT snapshot, sample, files, read, bytes, problems, healed FROM verifications",
		"1 0.25 10 3 400 2 1", "1 1 0 0 0 0 0", "2 0 0 0 0 0 0")
	for _, where := range []string{"sample > 0.2 AND sample < 1", "sample = 0.25", "sample <= 1 AND problems == 2"} {
		check("SELECT snapshot FROM verifications WHERE files > 0 AND "+where, "1")
	}
	got, err := ask(t, c, "SELECT started FROM verifications WHERE sample == $1", 1.0)
	if err != nil || len(got) != 1 {
		t.Error(got, err)
	}
	last(one, 80)
	last(two, 95)
	last(99, time.Time{}.Unix())

	// Of a snapshot that is gone, the runs stay.
	c.NoteVerification(Verification{Snapshot: one, Started: at(100), Finished: at(110)})
	c.NoteVerification(Verification{Snapshot: two, Started: at(120), Finished: at(130)})
	if err := c.Remove(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	c = reopen(t, c)
	check("SELECT snapshot FROM verifications", "2", "2")
	check("SELECT snapshot FROM runs", "0", "1")
	last(one, time.Time{}.Unix())

	// Where no version is touched, too.
	three := mustAbsorb(t, c, snapshot("empty", 4), nil)
	c.NoteVerification(Verification{Snapshot: three, Started: at(100), Finished: at(110)})
	c = reopen(t, c)
	check("SELECT snapshot FROM verifications", "2", "2", "3")
	if err := c.Remove(t.Context(), three); err != nil {
		t.Fatal(err)
	}
	check("SELECT snapshot FROM verifications", "2", "2")
}

// The fixture was written when there were neither verifications nor runs.
func TestMigrate(t *testing.T) {
	data, err := os.ReadFile("testdata/version1.ql")
	if err != nil {
		t.Fatal(err)
	}
	c := newCatalog(t)
	path := c.path
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(want int64) {
		t.Helper()
		if n := count(t, c, "SELECT version FROM schema"); n != rows.SchemaVersion {
			t.Errorf("version is %d", n)
		}
		all, err := c.Snapshots(t.Context())
		if err != nil || len(all) != 3 || all[2].Source != "/home/ann" || all[2].Stamp != "stamp 001" {
			t.Fatal(all, err)
		}
		checkTree(t, c, 1, files(30, 1))
		checkTree(t, c, 2, files(30, 2))
		checkTree(t, c, 3, files(20, 3))
		rotten, err := c.Damaged(t.Context())
		if of := rotten[file("", 7).Digest]; err != nil || len(of) != 1 || of[0].Path != "folder 0/file 00000" || of[0].Snapshot != 2 {
			t.Error(rotten, err)
		}
		for _, table := range []string{"runs", "verifications"} {
			if n := count(t, c, "SELECT count() FROM "+table); n != want {
				t.Errorf("%d %s, want %d", n, table, want)
			}
		}
	}
	// Of what is in no manifest, the journal is told once.
	var j memory
	for range 2 {
		c := mustOpen(t, path)
		j.keep(t, c)
		rebuilt := newCatalog(t)
		j.absorb(t, rebuilt)
		if n := count(t, rebuilt, "SELECT count() FROM damage"); n != 1 {
			t.Errorf("%d files are damaged, want 1", n)
		}
	}
	c = mustOpen(t, path)
	check(0)
	if now, err := os.ReadFile(path); err != nil || !slices.Equal(now, data) {
		t.Fatal("to read it has changed it:", err)
	}
	c.NoteRun(Run{Verb: "verify", Outcome: OK})
	c.NoteVerification(Verification{Snapshot: 2})
	c = reopen(t, c)
	check(1)
	if id := mustAbsorb(t, c, snapshot("a", 4), files(30, 4)); id != 4 {
		t.Errorf("the next snapshot is %d", id)
	}
	if _, err := ask(t, c, "SELECT path FROM versions"); err != nil {
		t.Error(err)
	}
}
