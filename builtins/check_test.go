package builtins

import (
	"strings"
	"testing"

	"phlb/engine/config"
)

// TestCheckHolds has a check that fails keep the snapshots of its name, and no others.
func TestCheckHolds(t *testing.T) {
	l := newLab(t, "a", "abc")
	l.run(`
for name in ["one", "one", "two", "two"]:
    link(scan(SOURCE), name = name)
check_query("SELECT 1", fail = True, snapshot = "one")
print(remove(snapshots("one")[1:] + snapshots("two")[1:]).snapshots)
print(snapshots("one")[1].remove().snapshots, len(snapshots("one")), len(snapshots("two")))`, "1\n0 2 1")
	if n := len(l.session.Withheld()); n != 2 {
		t.Errorf("%d snapshots were withheld, want one, twice", n)
	}
	if all := l.session.Checks(); len(all) != 1 || all[0].OK || !all[0].Fail || all[0].Name != "one" {
		t.Errorf("%+v", all)
	}
}

// TestCheckOfNone holds that a check about no backup in particular keeps all.
func TestCheckOfNone(t *testing.T) {
	l := newLab(t, "a", "abc")
	l.run(`
link(scan(SOURCE), name = "one")
link(scan(SOURCE), name = "one")`, "")
	l.session.made = nil
	l.run(`
print(check_query("SELECT 1", fail = True).ok, snapshots("one")[1].remove().snapshots)`, "False 0")
}

// TestCheckOfConfig asks what phlb.toml asks, of the names that are meant.
func TestCheckOfConfig(t *testing.T) {
	l := newLab(t, "a", "abc")
	some, err := config.ParseExpectation("some")
	l.must(err)
	l.session.Engine.Config.Checks = []config.Check{
		{Name: "o*", Query: "SELECT :name, :snapshot, :previous", Expect: some},
		{Name: "other", Query: "SELECT 1"},
		{Query: "SELECT nothing_such", Fail: true, Message: "broken"},
		{Query: "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t LIMIT 3) SELECT n FROM t"},
	}
	l.run(`link(scan(SOURCE), name = "one")`, "")
	var got []string
	for _, r := range l.session.Checks() {
		_, text, _ := strings.Cut(r.String(), ": ")
		got = append(got, text)
	}
	want := []string{
		"SELECT :name, :snapshot, :previous: ok",
		"broken: query: 1:8: there is no column nothing_such",
		"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t LIMIT 3) SELECT n FROM t: 1, 2, 3",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want\n%q", got, want)
	}
}

// TestCheckFound holds that few of many rows are told of.
func TestCheckFound(t *testing.T) {
	l := newLab(t, "a", "abc")
	l.run(`link(scan(SOURCE))`, "")
	l.run(`
c = check_query("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t LIMIT 1000) SELECT n FROM t", message = "numbers")
print(c.rows, len(c.found))`, "1000 5")
	if text := l.session.Checks()[0].String(); !strings.HasSuffix(text, "numbers: 1, 2, 3, 4, 5 and 995 more") {
		t.Error(text)
	}
}
