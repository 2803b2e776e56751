package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTerminalHour replays what somebody might ask of his backups in an hour.
func TestTerminalHour(t *testing.T) {
	dir := t.TempDir()
	history(t, dir)
	term := newTerminal(t, dir, "repl")
	for _, q := range []struct{ asks, sees string }{
		// What is there?
		{"help()", `snapshots\(name.*versions\(path, name=None\)`},
		{".help", `^\.tables .*^\.quit`},
		{"snapshots()", `^NAME +WHEN.*^docs/\S+.*^photos/\S+`},
		{"snapshot(\"docs\")", `^docs/\S+: 301 files`},
		{"_.files, _.new_bytes", `^\(301, 0\)`},
		{"s = snapshot(\"docs\")", `phlb> s = `},
		{"s.time < now()", `^True`},
		{"len(snapshots(\"docs\"))", `^3`},
		{"{s.name: s.files for s in snapshots()}", `^\{"docs": 301, "photos": 1\}`},
		{"config.backup_path", `^".*/root"`},
		// How much does it cost?
		{"SELECT name, sum(new_bytes) AS cost, count() AS runs\nFROM snapshots\nGROUP BY name\nORDER BY cost DESC;", `^docs +\d+ +3\nphotos +\d+ +1\n\(2 rows\)`},
		{"select started, new_files, new_bytes from snapshots where name = 'docs' order by started;", `started +new_files +new_bytes\n(\d{4}-.*\n){3}\(3 rows\)`},
		{"SELECT started FROM snapshots WHERE started > '2001-01-01' AND files > 100;", `\(3 rows\)`},
		{"SELECT started FROM snapshots WHERE started < '2001-01-01';", `\(0 rows\)`},
		// Which files are large?
		{"SELECT path, size FROM versions WHERE until = 0 AND kind = 'f' ORDER BY size DESC LIMIT 3;", `cat.jpg +15000.*cat.jpg +15000.*report.odt +12000`},
		{"SELECT path FROM versions WHERE size > 11 * 1024 AND kind = 'f';", `\(3 rows\)`},
		{"big = [f for f in files(\"docs\") if f.kind == \"file\" and f.size > 10 * KiB]", `phlb> big`},
		{"big", `^KIND +MODE +SIZE +MTIME +PATH\nfile +0644 +15 KiB .*report.odt`},
		{"[f.path for f in big]", `^\["copy of cat.jpg", "report.odt"\]`},
		{"sum([f.size for f in big])", `undefined: sum`}, // there is no sum in Starlark
		{"def total(fs):\n    n = 0\n    for f in fs:\n        n += f.size\n    return n\n", `phlb>`},
		{"total(big)", `^27000`},
		{".load script.star", `phlb>`},
		{"help(biggest)", `^biggest\(name, n=3\)\n+The largest files\.`},
		{"[f.name for f in biggest(\"docs\", n = 2)]", `^\["copy of cat.jpg", "report.odt"\]`},
		// What became of one file?
		{"versions(\"report.odt\")", `PATH +MTIME +SIZE +OLDEST +NEWEST\nreport.odt .* 12 KiB .*\nreport.odt .* 5.9 KiB`},
		{"for v in versions(\"letters/007.txt\"): print(v.newest, len(v.snapshots))\n", `^docs/\S+ 2`},
		{"list(versions(\"no such file\"))", `^\[\]`},
		{"d = hash(\"photos/cat.jpg\")", `phlb>`},
		{"holders(d)", `cat.jpg.*copy of cat.jpg|copy of cat.jpg.*cat.jpg`},
		{"[v.path for v in _]", `^\[.*"copy of cat.jpg".*\]`},
		{"SELECT path FROM versions WHERE digest = ?;", `the statement needs a value for parameter 1`},
		{"query(\"SELECT path FROM versions WHERE digest = ?\", d)", `cat.jpg.*\(2 rows\)`},
		// What changed?
		{"a, b = snapshots(\"docs\")[:2]", `phlb>`},
		{"b.diff(a)", `letters/007.txt`},
		{"help(a.diff)", `^diff\(other`},
		// A long list is cut.
		{"files(\"docs\")", `file .*\n… and \d+ more; \.maxrows 0 shows all`},
		{".maxrows 3", `phlb>`},
		{"SELECT path FROM versions ORDER BY path;", `^path\n(.*\n){3}… and 30\d more; .maxrows 0 shows all`},
		{"range(10)", `^range\(10\)`},
		{".maxrows 100", `phlb>`},
		// Mistakes.
		{"snapshts()", `^repl:\d+:1: undefined: snapshts`},
		{"s.fles", `has no .fles.*did you mean .files\?`},
		{"SELECT nme FROM snapshots;", `there is no column nme: did you mean name\?\n +SELECT nme FROM snapshots\n +\^`},
		{"SELECT name FORM snapshots;", `unexpected FORM: did you mean FROM\?`},
		{"SELECT name, started FROM snapshots ORDER BY started;", `\(4 rows\)`},
		{"_[0].name", `^"(docs|photos)"`},
		{"len(_)", `^\d`},
		{"len(versions(\"report.odt\"))", `^2`},
		{"@kinds docs", `(?s)^name +kind +entries +bytes\ndocs +f +301 .*\(2 rows\)`},
		{"@kindz", `no question @kindz: did you mean @kinds\?`},
		{"DELETE FROM snapshots", `^repl:\d+:\d+: got identifier, want newline\n +DELETE FROM snapshots`},
		{"SELECT name FROM snapshots; DROP TABLE snapshots;", `\(4 rows\).*repl:`},
		{"1 // 0", `floored division by zero`},
		{".modes", `no command .modes: did you mean .mode\?`},
		{"help(verify)", `^verify\(snapshot, fast=False`},
		{"verify(s)", `docs/\S+: 301 files, .* read back: no problems`},
		{"scan(\"docs\", skip = [\"*.odt\"])", `^scan\("docs"\)`},
		{"_.files", `^300`},
		// For others.
		{".mode markdown", `phlb>`},
		{"SELECT name, files FROM snapshots WHERE name = 'photos';", `^\| name   \| files \|\n\|-+\|-+:\|\n\| photos \|     1 \|`},
		{".mode box", `phlb>`},
		{"SELECT name, files FROM snapshots WHERE name = 'photos';", `^┌─+┬─+┐\n│ name   │ files │\n├─+┼─+┤\n│ photos │     1 │\n└─+┴─+┘`},
		{".language ql", `phlb>`},
		{"SELECT count() AS n FROM snapshots WHERE name == \"docs\" && files > 3;", `│ +3 │`},
		{".language sql", `phlb>`},
		{".mode csv", `phlb>`},
		{"SELECT name, files FROM snapshots WHERE name = 'photos';", `^name,files\nphotos,1`},
		{".mode json", `phlb>`},
		{"SELECT name, files FROM snapshots WHERE name = 'photos';", `^ \{"name":"photos","files":1\}`},
		{".mode line", `phlb>`},
		{"SELECT * FROM snapshots WHERE name = 'photos';", `^ +name  photos`},
		{".mode table", `phlb>`},
		{"SELECT * FROM snapshots WHERE name = 'photos';", `^ +name  photos`}, // too wide for a table
		{".timer on", `phlb>`},
		{"EXPLAIN QUERY PLAN SELECT path FROM versions WHERE size > 5;", `SCAN versions.*took \d+`},
		{".timer off", `phlb>`},
		{"SELECT path, versions FROM contents WHERE versions > 1;", `^path +versions`},
		{".schema contents", `^contents\n.*digest +DIGEST`},
		{".tables", `(?s)^snapshots\n.*^contents\n.*^damage\n`},
		{".schema damage", `^damage\n.*found +TIME`},
		{"load(\"@std//retention.star\", \"ladder\")", `phlb>`},
		{"len(ladder(snapshots(\"docs\"), daily = 1).drop)", `^\d`},
		{".save session.star", `phlb>`},
	} {
		term.asks(q.asks, q.sees)
	}
	term.clear()
	term.typed("exit")
	term.keys("Enter")
	term.sees(`^ended with 0$`)
	if _, err := os.Stat(filepath.Join(dir, "session.star")); err != nil {
		t.Error(err)
	}
}
