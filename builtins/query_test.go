package builtins

import "testing"

func TestQuery(t *testing.T) {
	l := newLab(t, "a", "abc", "dir/b", "12345")
	l.run(`link(scan(SOURCE), tags = ["daily"])`, "")
	for _, tt := range []struct{ name, src, want string }{
		{"Rows", `print([(r.path, r.size) for r in query("SELECT path, size FROM versions WHERE kind = 'f' ORDER BY path")])`, `[("a", 3), ("dir/b", 5)]`},
		{"Parameters", `print([r.path for r in query("SELECT path FROM versions WHERE size > ? AND kind = ?", 3, "f")])`, `["dir/b"]`},
		{"All", `print(sorted([len(dir(r)) > 10 for r in query("SELECT * FROM snapshots")]))`, "[True]"},
		{"Alias", `print([r.most for r in query("SELECT max(size) AS most FROM versions WHERE kind = ?", "f")])`, "[5]"},
		{"NoNames", `print([r[0] for r in query("SELECT count(*) FROM versions WHERE kind = ?", "f")])`, "[2]"},
		{"SomeNames", `print([tuple(r) for r in query("SELECT size AS n, size+1 FROM versions WHERE path = ?", "a")])`, "[(3, 4)]"},
		{"Digest", `print([r.digest == hash(SOURCE + "/" + r.path) for r in query("SELECT digest, path FROM versions WHERE path = ?", "a")])`, "[True]"},
		{"DigestBound", `
digest = [f for f in query("SELECT digest FROM versions WHERE path = ?", "a")][0].digest
print(type(digest), [r.path for r in query("SELECT path FROM versions WHERE digest = digest(?)", bytes([int(digest[i:i+2], 16) for i in range(0, 64, 2)]))])`, `string ["a"]`},
		{"Null", `print([(r.target, r.until) for r in query("SELECT target, until FROM versions WHERE path = ?", "a")])`, "[(None, 0)]"},
		{"Times", `print([(type(r.mtime), r.mtime < now()) for r in query("SELECT mtime FROM versions WHERE path = ? AND mtime < ?", "a", now())])`, `[("time.time", True)]`},
		{"Duration", `print([r.d > 0 for r in query("SELECT unixepoch(finished) - unixepoch(started) AS d FROM snapshots WHERE d > ?", time.parse_duration("1ms"))])`, "[True]"},
		{"DurationOfQL", `print([r.d for r in query("SELECT finished-started AS d FROM snapshots WHERE finished-started > $1", time.parse_duration("1ms"), language = "ql")][0] > 0 * time.second)`, "True"},
		{"Named", `print([r.path for r in query("SELECT path FROM versions WHERE size > :least AND kind = @kind", least = 3, kind = "f")])`, `["dir/b"]`},
		{"Index", `q = query("SELECT path FROM versions WHERE kind = 'f' ORDER BY path"); print(q[0].path, q[-1]["path"], q[1][0], len(q))`, "a dir/b dir/b 2"},
		{"QL", `print([r.path for r in query("SELECT path FROM versions WHERE size > $1 && path LIKE $2", 3, "b$", language = "ql")])`, `["dir/b"]`},
		{"Float", `print([r.half for r in query("SELECT size/? AS half FROM versions WHERE path = ?", 2.0, "a")])`, "[1.5]"},
		{"Bool", `print([r.yes for r in query("SELECT size = 3 AS yes FROM versions WHERE path = ? AND ?", "a", True)])`, "[1]"},
		{"Empty", `print(list(query("SELECT path FROM versions WHERE path = ?", "nothing")))`, "[]"},
		{"Break", "for r in query(\"SELECT path FROM versions\"):\n    break\nprint(link(scan(SOURCE)).files)", "2"},
		{"Twice", `q = query("SELECT path FROM versions WHERE kind = ?", "f"); print(len(list(q)), len(list(q)), type(q))`, "2 2 Rows"},
		{"Nested", `print(len([1 for a in query("SELECT id FROM snapshots") for b in query("SELECT path FROM versions WHERE path = ?", "a")]) > 0)`, "True"},
		{"SeesOwnWork", `
before = len(list(query("SELECT id FROM snapshots")))
link(scan(SOURCE), name = "own")
print(len(list(query("SELECT id FROM snapshots"))) - before)`, "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.run(tt.src, tt.want)
		})
	}
}

func TestQueryErrors(t *testing.T) {
	l := newLab(t, "a", "abc")
	l.run(`link(scan(SOURCE))`, "")
	for _, tt := range []struct{ name, src, want string }{
		{"Nothing", `query()`, "test.star:1:6: query: missing argument for sql"},
		{"Type", `query(1)`, "test.star:1:6: query: sql is a int, want a string"},
		{"Keyword", `query(ql = "SELECT id FROM snapshots")`, "test.star:1:6: query: "},
		{"Parameter", `query("SELECT id FROM snapshots WHERE id = ?", [1])`, "query: value 1: got list, want None, bool, int"},
		{"ParameterTooLarge", `query("SELECT id FROM snapshots WHERE id = ?", 1 << 64)`, "query: value 1: 18446744073709551616 does not fit 64 bits"},
		{"Misspelt", `list(query("SELCT id FROM snapshots"))`, "test.star:1:5: query"},
		{"NoTable", `list(query("SELECT id FROM snapshot"))`, "snapshot"},
		{"NoColumn", `list(query("SELECT nothing FROM snapshots"))`, "nothing"},
		{"Delete", `list(query("DELETE FROM snapshots"))`, "a question is one statement that reads"},
		{"Drop", `list(query("DROP TABLE versions"))`, "a question is one statement that reads"},
		{"Two", `list(query("SELECT id FROM snapshots; DELETE FROM snapshots"))`, "a question is one statement that reads"},
		{"Transaction", `list(query("BEGIN TRANSACTION; DELETE FROM snapshots; COMMIT;"))`, "a question is one statement that reads"},
		{"TooFewParameters", `list(query("SELECT id FROM snapshots WHERE id = ? AND id = ?", 1))`, "query: the statement needs a value for parameter 2"},
		{"NamedType", `query("SELECT :x", x = [1])`, "query: value of x: got list, want None, bool, int"},
		{"Language", `query("SELECT 1", language = "mysql")`, `query: language is "mysql", want "sql" or "ql"`},
		{"NamedQL", `query("SELECT id FROM snapshots", x = 1, language = "ql")`, "query: in QL, values have no names"},
		{"NoSuchRow", `query("SELECT id FROM snapshots")[1]`, "there is no row 1, for there are 1 in all"},
		{"NoSuchRowFromTheEnd", `query("SELECT id FROM snapshots")[-2]`, "there is no row -2, for there are 1 in all"},
		{"RowByName", `query("SELECT id FROM snapshots")["id"]`, "Rows: got string, want the number of a row"},
		{"IndexFails", `query("SELECT nowhere FROM snapshots")[0]`, "there is no column nowhere"},
		{"Saved", `query("@growth")`, "query: there are no saved questions here"},
		{"Field", `[r.nme for r in query("SELECT name FROM snapshots")]`, "(did you mean .name?)"},
		{"ReadLate", `
rows = query("SELECT id FROM snapshots WHERE nothing = 1")
for row in rows:
    print(row)
`, "nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails(tt.src, tt.want)
		})
	}
	l.run(`print(len(snapshots()))`, "1")
}
