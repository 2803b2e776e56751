package builtins

import (
	"os"
	"strings"
	"testing"
)

const (
	abcSHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of FIPS 180-4
	abcMD5    = "900150983cd24fb0d6963f7d28e17f72"                                 // of RFC 1321
)

func TestHash(t *testing.T) {
	l := newLab(t, "a", "abc", "dir/b", "abc", "dir/c", "other")
	l.must(os.Symlink("a", l.in("link")))
	for _, tt := range []struct{ name, src, want string }{
		{"Path", `print(hash(SOURCE + "/a"))`, abcSHA256},
		{"Home", `print(hash("~/source/a"))`, abcSHA256},
		{"File", `print([hash(f) for f in scan(SOURCE, where = lambda f: f.name == "b")])`, `["` + abcSHA256 + `"]`},
		{"Algorithm", `print(hash(SOURCE + "/a", algorithm = "md5"), hash(SOURCE + "/a", "md5") == hash(SOURCE + "/link", "md5"))`, abcMD5 + " True"},
		{"Scan", `print([(f.path, d[:8]) for f, d in hash(scan(SOURCE))])`, `[("a", "ba7816bf"), ("dir/b", "ba7816bf"), ("dir/c", "d9298a10")]`},
		{"ScanAlgorithm", `print([d for _, d in hash(scan(SOURCE), "md5")][0])`, abcMD5},
		{"ScanWhere", `print([f.path for f, _ in hash(scan(SOURCE, skip_dirs = ["dir"], where = lambda f: f.kind == "file"))])`, `["a"]`},
		{"ScanCounts", `s = scan(SOURCE, where = lambda f: f.size > 3); list(hash(s)); print(s.files, s.skipped)`, "1 3"},
		{"Break", "for f, d in hash(scan(SOURCE)):\n    print(f)\n    break", "a"},
		{"Duplicates", `
first = {}
for f, d in hash(scan(SOURCE)):
    if d in first:
        print(f, "is", first[d])
    first.setdefault(d, f)`, "dir/b is a"},
		{"InWhere", `print([f.path for f in scan(SOURCE, where = lambda f: f.kind == "file" and hash(f, "md5") == "` + abcMD5 + `")])`, `["a", "dir/b"]`},
		// The script goes on while files are read ahead: what its function
		// reads may be bound anew meanwhile.
		{"Rebound", `
limit = 3
for f, d in hash(scan(SOURCE, where = lambda f: f.size >= limit)):
    limit = limit
    print(f)`, "a\ndir/b\ndir/c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.run(tt.src, tt.want)
		})
	}
}

func TestHashErrors(t *testing.T) {
	l := newLab(t, "a", "abc")
	for _, tt := range []struct{ name, src, want string }{
		{"Nothing", `hash()`, "test.star:1:5: hash: missing argument for what"},
		{"Type", `hash(1)`, "test.star:1:5: hash: got int, want a path, a File or a Scan"},
		{"Missing", `hash(SOURCE + "/missing")`, "test.star:1:5: open source/missing: "},
		{"Directory", `hash(SOURCE)`, "not a regular file"},
		{"Algorithm", `hash(SOURCE + "/a", "crc32")`, `test.star:1:5: no hash algorithm is called "crc32"; there are md5, sha1, sha256`},
		{"AlgorithmOfScan", "\ndigests = hash(scan(SOURCE), \"crc32\")\nfor f, d in digests:\n    print(d)", `no hash algorithm is called "crc32"`},
		{"WhereFails", "for f, d in hash(scan(SOURCE, where = lambda f: f.sise)):\n    print(d)", "test.star:1:50: File has no .sise field or method (did you mean .size?)"},
		{"Body", "for f, d in hash(scan(SOURCE)):\n    fail(f)", "test.star:2:9: fail: a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails(tt.src, tt.want)
		})
	}
}

// Files are hashed, and the function is called, in parallel.
func TestHashInParallel(t *testing.T) {
	l := newLab(t)
	for i := range 300 {
		name := string(rune('a'+i%20)) + "/" + string(rune('a'+i/20))
		l.write(name, strings.Repeat(name, i))
	}
	l.run(`
wanted = {f.path: hash(f) for f in scan(SOURCE)}
def where(f):
    return f.path in wanted and f.size % 2 == 0
n = 0
for f, d in hash(scan(SOURCE, where = where)):
    if wanted[f.path] != d:
        fail(f)
    n += 1
print(n)
`, "150")
}
