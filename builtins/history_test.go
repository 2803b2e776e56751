package builtins

import "testing"

func TestHistory(t *testing.T) {
	l := newLab(t, "a", "one", "dir/b.txt", "same")
	l.run(`link(scan(SOURCE), name = "docs")`, "")
	l.write("a", "three", "copy", "same")
	l.run(`link(scan(SOURCE), name = "docs")`, "")
	for _, tt := range []struct{ name, src, want string }{
		{"Files", `print([e.path for e in files("docs/latest")], type(files("docs")))`, `[".", "a", "copy", "dir", "dir/b.txt"] Entries`},
		{"Glob", `print([(e.path, e.size, e.ext, e.dir, e.kind) for e in files(snapshots()[-1], "*.txt")])`, `[("dir/b.txt", 4, ".txt", "dir", "file")]`},
		{"Digest", `print([e.digest == hash(SOURCE + "/a") for e in files("docs", "a")], [e.digest for e in files("docs", "dir")])`, "[True] [None]"},
		{"Twice", `f = files("docs"); print(len(list(f)), len(list(f)))`, "5 5"},
		{"Keep", `print(sorted(files("docs"))[1].path, len({e: 1 for e in files("docs")}))`, "a 5"},
		{"Versions", `print([(v.size, [s.id for s in v.snapshots], v.newest.id, v.oldest.id) for v in versions("a")])`, "[(5, [2], 2, 2), (3, [1], 1, 1)]"},
		{"Source", `print([v.path for v in versions(SOURCE + "/dir/b.txt")])`, `["dir/b.txt"]`},
		{"Name", `print(list(versions("a", name = "other")), type(versions("a")))`, "[] Versions"},
		{"Order", `print([v.size for v in sorted(versions("a"))])`, "[3, 5]"},
		{"Holders", `print([(v.path, len(v.snapshots)) for v in holders(hash(SOURCE + "/copy"))])`, `[("copy", 1), ("dir/b.txt", 2)]`},
		{"HoldersOfEntry", `print([[v.path for v in holders(e)] for e in files("docs", "copy")])`, `[["copy", "dir/b.txt"]]`},
		{"Attributes", `print([dir(v) == sorted(dir(v)) or dir(v) for v in versions("a")][0])`, "True"},
		{"Plain", `print(json.encode([v.size for v in versions("a")]))`, "[5,3]"},
		{"Literal", `print([r.path for r in query("SELECT path FROM versions WHERE digest = ?", hash(SOURCE + "/a"))])`, `["a"]`},
		{"RowByName", `print([(r["count(*)"], r[0], r[-1]) for r in query("SELECT count(*) FROM snapshots")])`, "[(2, 2, 2)]"},
		{"RowOrder", `print([r for r in query("SELECT size, path FROM versions WHERE path = 'copy'")])`, `[row(size = 4, path = "copy")]`},
		{"Unpack", `print([(p, n) for p, n in query("SELECT path, size FROM versions WHERE path = 'copy'")], query("SELECT id FROM snapshots"))`, `[("copy", 4)] query("SELECT id FROM snapshots")`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.run(tt.src, tt.want)
		})
	}
	for _, tt := range []struct{ name, src, want string }{
		{"NoSnapshot", `files("none")`, `files: no such snapshot: "none"`},
		{"Pattern", `files("docs", "[")`, `test.star:1:6: files: pattern "["`},
		{"Method", `snapshots()[0].files("x")`, "test.star:1:21: invalid call of non-function (int): .files is a value, and the function is files(…)"},
		{"NoFunction", `snapshots()[0].id()`, "invalid call of non-function (int)\n"},
		{"NoDigest", `holders("abc")`, `holders: "abc" is no digest of a manifest: digest has 3 characters, not 64 or 128`},
		{"Type", `holders(1)`, "holders: got int, want a digest"},
		{"NoColumn", `list(query("SELECT pth FROM versions"))`, "query: 1:8: there is no column pth: did you mean path?"},
		{"Column", `[r["nme"] for r in query("SELECT name FROM snapshots")]`, `"nme"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails(tt.src, tt.want)
		})
	}
}
