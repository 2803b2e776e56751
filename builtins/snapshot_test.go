package builtins

import (
	"errors"
	"os"
	"strings"
	"testing"

	"phlb/engine"
)

func TestLink(t *testing.T) {
	l := newLab(t, "a", "content", "b", "content", "big.iso", strings.Repeat("x", 1000), "cache/c", "1")
	l.must(os.Symlink("a", l.in("link")))
	l.run(`
snap = link(scan(SOURCE, skip_dirs = ["cache"], where = lambda f: f.size < 100), tags = ["daily", "by-hand"])
print(type(snap), snap.name, snap.files, snap.bytes, snap.new_bytes, snap.new, snap.linked, snap.unchanged)
print(snap.skipped, snap.errors, snap.complete, snap.tags, snap.host, snap.source == SOURCE)
print(str(snap) == snap.name + "/" + snap.stamp, snap.path.replace("\\", "/") == (ROOT + "/" + str(snap)).replace("\\", "/"))
print(snap.id, type(snap.time), snap.finished - snap.time > 0 * time.second, abs((now() - snap.time).minutes) < 10)
print([f.path for f in scan(snap.path)])
`, `
Snapshot source 2 14 7 1 1 0
2 0 True ("daily", "by-hand") testhost True
True True
1 time.time True True
["a", "b", "link"]
`)
	made := l.session.Made()
	if len(made) != 1 || made[0].Files != 2 {
		t.Errorf("the session has made %v", made)
	}
}

func TestLinkOptions(t *testing.T) {
	l := newLab(t, "a", "content", "b", "content")
	l.must(os.Chmod(l.in("b"), 0o400))
	l.run(`
s = scan(SOURCE)
print(link(s).new, link(s, name = None).unchanged)       # the same scan again
print(link(s, "other", "content").name, link(s, name = "third", match = "content").linked)
print(link(s, match = config.match).files)
print(s.files, s.bytes)                                  # as of the last link
print([x.name for x in snapshots()])
print(snapshots() == sorted(snapshots(), reverse = True))
`, `
2 2
other 2
2
2 14
["source", "third", "other", "source", "source"]
True
`)
	l.write("c", "new")
	l.run(`
s = scan(SOURCE)
print(s.files)
link(s, tags = ("x",), match = None)
print(s.files, s.skipped)
`, "3\n3 0\n")
}

func TestLinkErrors(t *testing.T) {
	l := newLab(t, "a", "content")
	for _, tt := range []struct{ name, src, want string }{
		{"Nothing", `link()`, "test.star:1:5: link: missing argument for scan"},
		{"Path", `link(SOURCE)`, `test.star:1:5: link: for parameter scan: got string, want a Scan, such as scan("~/Documents") returns`},
		{"Match", `link(scan(SOURCE), match = "inode")`, `test.star:1:5: link: match is "inode", want permissions, content or exact`},
		{"Name", `link(scan(SOURCE), name = "a/b")`, `"a/b" holds a slash`},
		{"NameType", `link(scan(SOURCE), name = 1)`, `link: for parameter "name": got int, want a string`},
		{"Tags", `link(scan(SOURCE), tags = "daily")`, `link: for parameter "tags": got string, want a list of strings`},
		{"Missing", `link(scan(SOURCE + "/missing"))`, "source/missing: "},
		{"Root", `link(scan(ROOT))`, "test.star:1:5: source"},
		{"WhereFails", "def wanted(f):\n    return 1 // len(f.ext)\nlink(scan(SOURCE, where = wanted))", "test.star:2:14: floored division by zero\n        return 1 // len(f.ext)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails(tt.src, tt.want)
			if made := l.session.Made(); len(made) != 0 {
				t.Errorf("made %v", made)
			}
		})
	}
	l.run(`print(snapshots())`, "[]")
}

// The function is called by many workers at a time; the race detector looks on.
func TestLinkWhereInParallel(t *testing.T) {
	l := newLab(t)
	for i := range 500 {
		l.write(string(rune('a'+i%25))+"/"+string(rune('a'+i/25)), "content")
	}
	l.run(`
vowels = {c: True for c in "aeiou".elems()}
def vowel(f):
    return f.dir in vowels
snap = link(scan(SOURCE, where = vowel))
print(snap.files, snap.skipped)
few = ["a"]
def make():
    own = ["b"]
    print(link(scan(SOURCE, where = lambda f: f.dir in few + own), name = "few").files)
make()
`, "100 400\n40\n")
}

func TestSnapshots(t *testing.T) {
	l := newLab(t, "a", "content")
	l.run(`
first = link(scan(SOURCE), tags = ["daily"])
second = link(scan(SOURCE), tags = ["daily", "keep"])
other = link(scan(SOURCE), name = "other", tags = ["daily"])
print(snapshots() == [other, second, first])
print(snapshots("source") == [second, first], snapshots(name = "nothing"), snapshots(name = None) == snapshots())
print(snapshots(tag = "keep") == [second], snapshots("other", "daily") == [other], snapshots("other", tag = "keep"))
print(first < second, second >= other, first == snapshots()[-1], first in {second: 1, first: 2}, first != other)
print(snapshot("source") == second, snapshot("source/latest") == second, snapshot(str(first)) == first)
print(snapshot(first.path) == first, snapshot(first.id) == first, snapshot(first) == first)
print(max(snapshots("source")) == second, sorted([second, first])[0] == first)
`, `
True
True [] True
True True []
True False True True True
True True True
True True True
True True
`)
	for _, tt := range []struct{ name, src, want string }{
		{"Nothing", `snapshot()`, "test.star:1:9: snapshot: missing argument for path_or_id"},
		{"NoSuch", `snapshot("nothing")`, `test.star:1:9: no such snapshot: "nothing"; phlb snapshots lists them`},
		{"NoSuchNumber", `snapshot(99)`, "test.star:1:9: no such snapshot: number 99"},
		{"Type", `snapshot(1.0)`, "got float, want a snapshot, its path or its number"},
		{"Bool", `snapshot(True)`, "got bool, want a snapshot"},
		{"Name", `snapshots(1)`, `snapshots: for parameter name: got int, want a string`},
		{"Attribute", `snapshots()[0].sise`, "Snapshot has no .sise"},
		{"ReadOnly", "snapshots()[0].name = 'x'", "can't assign to .name field of Snapshot"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails(tt.src, tt.want)
		})
	}
}

func TestSnapshotsWithoutRoot(t *testing.T) {
	l := newLab(t)
	l.run(`print(snapshots())`, "[]")
	l.fails(`snapshot("a")`, `no such snapshot: "a"`)
	for _, src := range []string{`add()`, `list(query("SELECT id FROM snapshots"))`} {
		if err := l.fails(src, "there is no backup root yet: make a first backup"); !errors.Is(err, engine.ErrNoRoot) {
			t.Errorf("%s: error %v, want %v", src, err, engine.ErrNoRoot)
		}
	}
}

func TestConfig(t *testing.T) {
	l := newLab(t)
	l.run(`
print(config.backup_path == ROOT, config.match, config.unchanged)
print(type(config.skip_dirs), config.snapshot_format)
`, `
True permissions ["size", "mtime", "ctime", "inode"]
list %Y-%m-%d-%H%M%S
`)
	l.fails(`config.skip_dirs.append("x")`, "cannot append to frozen list")
	l.fails(`print(config.backup)`, "has no .backup attribute")
}
