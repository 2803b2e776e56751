package builtins

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestScan(t *testing.T) {
	l := newLab(t, "a.txt", "1", "b.iso", "12", "dir/c.txt", "123", "dir/cache/d", "4", "e", "")
	l.must(os.Symlink("e", l.in("link")))
	now := time.Now()
	for i, path := range []string{"dir/c.txt", "e", "b.iso", "a.txt", "dir/cache/d"} { // the last two of one time
		then := now.Add(-time.Duration(min(i, 3)) * time.Hour)
		l.must(os.Chtimes(l.in(path), then, then))
	}
	for _, tt := range []struct{ name, src, want string }{
		{"Files", `for f in scan(SOURCE): print(f)`, "a.txt\nb.iso\ne\nlink\ndir/c.txt\ndir/cache/d"},
		{"Home", `print([f.path for f in scan("~/source/dir")])`, `["c.txt", "cache/d"]`},
		{"Root", `print(scan(SOURCE).root == SOURCE, str(scan("~/source")) == 'scan("' + SOURCE + '")')`, "True True"},
		{"Skip", `print([f.path for f in scan(SOURCE, skip = ["*.iso", "dir/c.*"])])`, `["a.txt", "e", "link", "dir/cache/d"]`},
		{"SkipTuple", `print(len(list(scan(SOURCE, skip = ("*.iso",)))))`, "5"},
		{"SkipDirs", `print([f.path for f in scan(SOURCE, skip_dirs = ["cache"]) if f.dir != "."])`, `["dir/c.txt"]`},
		{"SkipDirsIsForFolders", `print(len(list(scan(SOURCE, skip_dirs = ["e"]))))`, "6"},
		{"Positional", `print(len(list(scan(SOURCE, ["dir"], ["*.iso"]))))`, "3"},
		{"Order", `print(len(list(scan(SOURCE, order = "path"))))`, "6"},
		{"Newest", `print([f.path for f in scan(SOURCE, order = "newest", where = lambda f: f.kind == "file")])`, `["dir/c.txt", "e", "b.iso", "a.txt", "dir/cache/d"]`},
		{"NewestBreak", "for f in scan(SOURCE, order = \"newest\", skip = [\"link\"]):\n    print(f)\n    break", "dir/c.txt"},
		{"OneFileSystem", `print(len(list(scan(SOURCE, one_file_system = True))))`, "6"},
		{"Where", `print([f.name for f in scan(SOURCE, where = lambda f: f.size > 1)])`, `["b.iso", "c.txt"]`},
		{"WhereNone", `print(len(list(scan(SOURCE, where = None))))`, "6"},
		{"Break", "for f in scan(SOURCE):\n    print(f)\n    break", "a.txt"},
		{"Twice", "s = scan(SOURCE)\nprint(len(list(s)), len(list(s)))", "6 6"},
		{"Nested", "s = scan(SOURCE)\nprint(len([1 for a in s for b in s]))", "36"},
		{"Type", `s = scan(SOURCE); print(type(s), bool(s), [type(f) for f in s][0])`, "Scan True File"},
		{"Counts", `s = scan(SOURCE, skip_dirs = ["cache"]); print(s.files, s.bytes, s.skipped, s.errors)`, "4 6 1 0"},
		{"CountsWhere", `s = scan(SOURCE, where = lambda f: f.size > 1); print(s.files, s.bytes, s.skipped, s.errors)`, "2 5 4 0"},
		{"CountsAfterBreak", "s = scan(SOURCE)\nfor f in s: break\nprint(s.files)", "5"},
		{"Names", `print(dir(scan(SOURCE)))`, `["bytes", "errors", "exists", "files", "root", "skipped", "skipped_folders"]`},
		{"Exists", `print(scan(SOURCE).exists, scan(SOURCE + "/none").exists)`, `True False`},
		{"Sorted", `print([f.path for f in sorted(scan(SOURCE), key = lambda f: -f.size)][:3])`, `["dir/c.txt", "b.iso", "a.txt"]`},
		{"Dict", `print(len({f: f.size for f in scan(SOURCE)}), [f for f in scan(SOURCE)][0] == [f for f in scan(SOURCE)][0])`, "6 True"},
		{"Compared", `s = list(scan(SOURCE)); print(s[0] < s[1], s[0] > s[1], s[0] != s[1], s[0] == "a.txt")`, "True False True False"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.run("if True:\n    "+strings.ReplaceAll(tt.src, "\n", "\n    "), tt.want)
		})
	}
}

func TestScanErrors(t *testing.T) {
	l := newLab(t, "a", "1")
	for _, tt := range []struct{ name, src, want string }{
		{"NoRoot", `scan()`, "test.star:1:5: scan: missing argument for root"},
		{"EmptyRoot", `scan("")`, "test.star:1:5: scan: root is empty"},
		{"RootType", `scan(1)`, "scan: for parameter root: got int, want string"},
		{"Missing", "s = scan(SOURCE + '/missing')\nfor f in s:\n    print(f)", "source/missing: "},
		{"MissingCounted", "s = scan(SOURCE + '/missing')\nprint(s.files)", "source/missing: "},
		{"NotADirectory", `list(scan(SOURCE + "/a"))`, "source/a is not a directory"},
		{"Skip", `scan(SOURCE, skip = "*.iso")`, "scan: for parameter \"skip\": got string, want a list of strings"},
		{"SkipElement", `scan(SOURCE, skip_dirs = ["a", 1])`, "scan: for parameter \"skip_dirs\": got a list with a int in it, want a list of strings"},
		{"Pattern", `scan(SOURCE, skip = ["[a"])`, `scan: skip: pattern "[a"`},
		{"Order", `scan(SOURCE, order = "size")`, `scan: order is "size", want "path" or "newest"`},
		{"Where", `scan(SOURCE, where = "*.iso")`, "scan: where is a string, want a function"},
		{"WhereTruth", `list(scan(SOURCE, where = lambda f: f.size))`, `where: lambda returned a value of type int for "a", want True or False: see test.star:1:27`},
		{"WhereNone", "def wanted(f):\n    if f.ext == '.tmp':\n        return False\nlink(scan(SOURCE, where = wanted))",
			`test.star:4:5: where: wanted returned None for "a", want True or False: see test.star:1:1`},
		{"SkipNegated", `scan(SOURCE, skip = ["*", "!keep"])`, `scan: skip: "!keep" would leave out names that begin with !, and takes nothing back`},
		{"WhereSignature", `list(scan(SOURCE, where = lambda: True))`, "function lambda accepts no arguments (1 given)"},
		{"Misspelt", `scan(SOURCE, skipdirs = [])`, `scan: unexpected keyword argument "skipdirs" (did you mean skip_dirs?)`},
		{"Attribute", `scan(SOURCE).file`, "Scan has no .file field or method (did you mean .files?)"},
		{"FileAttribute", `[f.length for f in scan(SOURCE)]`, "File has no .length field or method"},
		{"WhereFails", `
def wanted(f):
    return f.size < "1"
for f in scan(SOURCE, where = wanted):
    print(f)
`, "test.star:2:19: int < string not implemented\n        return f.size < \"1\""},
		{"WhereFailsCounted", `
def wanted(f):
    return fail("not", f.path)
s = scan(SOURCE, where = wanted)
print(s.files)
`, "test.star:2:16: fail: not a"},
		{"WhereHasEffect", `
def wanted(f):
    return bool(link(scan(SOURCE)))
list(scan(SOURCE, where = wanted))
`, "test.star:2:21: link has an effect, and callbacks run in parallel"},
		{"WhereChangesGlobal", `
seen = []
def wanted(f):
    seen.append(f)
list(scan(SOURCE, where = wanted))
`, "test.star:3:16: append: cannot append to frozen list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails(tt.src, tt.want)
		})
	}
}

// A script that is told to stop does so in the midst of a scan.
func TestScanStops(t *testing.T) {
	l := newLab(t, "a", "1", "b", "2")
	for _, src := range []string{
		"def forever(s):\n    for f in s:\n        forever(s)\nforever(scan(SOURCE))",
		"while True:\n    scan(SOURCE).files",
		"while True:\n    list(hash(scan(SOURCE, where = lambda f: True)))",
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		if _, err := l.try(ctx, src); !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "recursively") {
			t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
		}
		cancel()
	}
}

func TestFileNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Win32 makes no name that ends in a point")
	}
	l := newLab(t, ".bashrc", "", "README", "", "a.b.c", "", ".hidden.txt", "", "x.", "", "..y", "")
	l.run(`
for f in scan(SOURCE):
    print(f.name, repr(f.ext), f.dir)
`, `
..y "" .
.bashrc "" .
.hidden.txt ".txt" .
README "" .
a.b.c ".c" .
x. "." .
`)
}

// A name holds any bytes but two; what a script sees leads back to the file.
func TestOddNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no such names")
	}
	name := "\xff\n\"' \\ \u00e4"
	l := newLab(t, name, "content")
	l.run(`
f = list(scan(SOURCE))[0]
print(f.path)
print(hash(f) == hash(f.abs), hash(f) == hash(SOURCE + "/" + f.path))
print([g.path for g in scan(SOURCE, where = lambda g: g.path == f.path)] == [f.path])
snap = link(scan(SOURCE))
print(hash(snap.path + "/" + f.path) == hash(f))
print([row.path for row in query("SELECT path FROM versions WHERE path = ?", f.path)] == [f.path])
`, name+"\nTrue True\nTrue\nTrue\nTrue\n")
}
