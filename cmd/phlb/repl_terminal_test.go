package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTerminalEditing is about the keys of a session.
func TestTerminalEditing(t *testing.T) {
	dir := t.TempDir()
	history(t, dir)
	term := newTerminal(t, dir, "repl")
	term.sees(`^phlb .*: 4 snapshots in .*/root$`)

	// A statement goes on until it is complete, and can be edited as a whole.
	term.clear()
	term.typed("SELECT path,")
	term.keys("Enter")
	term.typed("  sise FROM versions WHERE size > 5000 AND path LIKE '%odt'")
	term.keys("Up", "Home")
	term.typed("  ")
	term.keys("Down", "Home", "Right", "Right", "Right", "Right", "Delete")
	term.typed("z")
	term.keys("End")
	term.typed(" ORDER BY size;")
	term.keys("Enter")
	term.sees(`(?s)report.odt   6000\nreport.odt  12000\n\(2 rows\)\nphlb>\z`)

	// It comes back as a whole, also by searching for it.
	term.clear()
	term.keys("Up")
	term.sees(`(?s)SELECT path,\n +size FROM versions.*ORDER BY size;\z`)
	term.keys("C-c")
	term.clear()
	term.keys("C-r")
	term.typed("ORDER")
	term.sees(`(?s)inc-search\): ORDER.*`)
	term.keys("Enter")
	term.sees(`\(2 rows\)\nphlb>\z`)

	// A block ends with an empty line.
	term.asks("for s in snapshots(\"photos\"):\n    print(s.name, s.files)\n", `^photos 1`)

	// Several statements can be pasted at once.
	term.clear()
	term.tmux("set-buffer", "a = 20\n\ndef twice(n):\n    m = 2 * n\n\n    return m\n\ntwice(a) + 2\nSELECT count() AS n\nFROM snapshots\\;") // tmux takes the backslash
	term.tmux("paste-buffer", "-p")
	term.keys("Enter")
	term.sees(`(?s)^42\nn\n4\n\(1 row\)\nphlb>\z`)

	// Completion: builtins, attributes, tables, columns, snapshots, commands.
	for _, test := range []struct{ typed, sees string }{
		{"snaps", `phlb> snapshot\nsnapshot +snapshots$`},
		{"x = hol", `phlb> x = holders\z`},
		{"config.backup_pa", `phlb> config.backup_path\z`},
		{"SELECT path FROM vers", `phlb> SELECT path FROM versions\z`},
		{"SELECT path FROM snapshots, cont", `phlb> SELECT path FROM snapshots, contents\z`},
		{"SELECT v.diges", `phlb> SELECT v.digest\z`},
		{"SELECT path FROM versions WHERE unt", `phlb> SELECT path FROM versions WHERE until\z`},
		{"files(\"", `(?s)phlb> files\("\ndocs +docs/\d.*photos +photos/\d`},
		{"config.", `phlb> config.\n.*backup_path`},
		{"SELECT path FROM versions WHERE versions.", `versions.\n.*digest`},
		{"files(\"pho", `(?s)phlb> files\("photos\nphotos +photos/\d.*photos/latest`},
		{".ta", `phlb> .tables\z`},
		{".mode cs", `phlb> .mode csv\z`},
		{".load scr", `phlb> .load script.star\z`},
	} {
		term.clear()
		term.typed(test.typed)
		term.keys("Tab")
		term.sees(test.sees)
		term.keys("C-u")
	}
}

// TestTerminalInterrupt stops what runs, and goes on.
func TestTerminalInterrupt(t *testing.T) {
	dir := t.TempDir()
	history(t, dir)
	term := newTerminal(t, dir, "repl")
	for _, long := range []string{
		"while True: pass\n",
		"[x for a in range(100000) for b in range(100000) for x in [a] if b < 0]",
		"SELECT count() FROM versions AS a, versions AS b, versions AS c WHERE a.size + b.size + c.size < 0;",
		"for row in query(\"SELECT a.path FROM versions AS a, versions AS b, versions AS c\"): pass\n",
	} {
		term.clear()
		for i, line := range strings.Split(long, "\n") {
			if i > 0 {
				term.keys("Enter")
			}
			term.typed(line)
		}
		term.keys("Enter")
		term.running()
		term.keys("C-c")
		term.sees(`interrupted\nphlb>\z`)
	}
	term.asks("1 + 1", `^2`)
	// A line that is being typed is dropped, and Ctrl-D ends the session.
	term.clear()
	term.typed("this is no")
	term.sees(`this is no\z`)
	term.keys("C-c")
	term.sees(`this is no.*\nphlb>\z`)
	term.keys("C-d")
	term.sees(`^ended with 0$`)
}

// TestTerminalAhead types before anybody asks.
func TestTerminalAhead(t *testing.T) {
	dir := t.TempDir()
	history(t, dir)
	gate := filepath.Join(dir, "gate")
	if err := os.Mkdir(gate, 0o777); err != nil {
		t.Fatal(err)
	}
	term := newTerminal(t, dir, "repl")
	// wait runs a statement until the gate is opened.
	wait := func(statement string) {
		term.clear()
		term.typed(statement)
		term.keys("Enter", "Enter")
		term.running()
	}
	open := func() {
		if err := os.WriteFile(filepath.Join(gate, "open"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	loop := `while not list(scan("gate")): pass`

	wait(loop)
	term.typed("[1,\r2]\rn = 'ä漢'\rSELECT count() AS n FROM snapshots;\rn\r.mode\r")
	term.typed("6 * 6")
	term.keys("BSpace")
	open()
	term.sees(`^\[1, 2\](.|\n)*^n\n4\n\(1 row\)\nphlb> n\n"ä漢"\nphlb> .mode\ntable\nphlb> 6 \*\z`)
	term.typed("7\r")
	term.sees(`^42\nphlb>\z`)

	// It answers questions too.
	term.clear()
	term.typed("link(scan(\"photos\"), name = \"new\")\ry\r6 * 6\r")
	term.sees(`^new/\S+: 1 file, .*\nphlb> 6 \* 6\n36\nphlb>\z`)

	// Ctrl-C stops what is running, however soon it comes, and what waits.
	for range 5 {
		term.clear()
		term.typed("while True: pass\r\r6 * 6\r\x03[4,\r2]\r")
		term.sees(`(?s)pass\n.*interrupted\nphlb> \[4,\n +2\]\n\[4, 2\]\nphlb>\z`)
		if strings.Contains(term.screen(), "36") {
			t.Errorf("Ctrl-C went by a statement:\n%s", term.screen())
		}
	}
	term.clear()
	term.tmux("set-buffer", "while True: pass\n\n6 * 6\n6 * 7\n")
	term.tmux("paste-buffer", "-p")
	term.keys("Enter")
	term.running()
	term.keys("C-c")
	term.sees(`6 \* 7\n+interrupted\nphlb>\z`)

	// So does a signal, and what is typed is left to who asks next.
	term.clear()
	term.typed("snapshot(\"new\").remove()\r")
	term.sees(`Go on\? \[y/N\]\z`)
	term.signal("INT")
	term.sees(`interrupted\nphlb>\z`)
	term.asks("6 * 6", `^36`)
	term.typed("this is no")
	term.sees(`this is no\z`)
	term.signal("INT")
	term.sees(`interrupted\nphlb>\z`)
	term.asks("6 * 7", `^42`)

	// Ctrl-D waits too, and SIGTERM does not.
	other := newTerminal(t, dir, "repl")
	other.sees(`phlb>\z`)
	other.typed("this is no")
	other.sees(`this is no\z`)
	other.signal("TERM")
	other.sees(`this is no\n+phlb: interrupted\nended with 130$`)
	if err := os.Remove(filepath.Join(gate, "open")); err != nil {
		t.Fatal(err)
	}
	wait(loop)
	term.keys("C-d")
	open()
	term.sees(`^ended with 0$`)
}

// TestTerminalLetters is about text that is not ASCII.
func TestTerminalLetters(t *testing.T) {
	dir := t.TempDir()
	history(t, dir)
	term := newTerminal(t, dir, "repl")
	term.asks("'äöüß€漢é'", `^"äöüß€漢é"`)
	term.asks("len('e\u0301')", `^3`) // an e, and an accent on it
	term.clear()
	term.typed("'ab'")
	term.keys("Left", "Left")
	term.typed("漢x")
	term.keys("Enter")
	term.sees(`^"a漢xb"\nphlb>\z`)

	// What is pasted is read in parts, and each may end within a letter.
	term.clear()
	term.tmux("set-buffer", `len("""`+strings.Repeat("ä漢", 1000)+`""")`)
	term.tmux("paste-buffer", "-p")
	term.keys("Enter")
	term.sees(`^5000\nphlb>\z`)
}

// TestTerminalConfirm is asked before effects.
func TestTerminalConfirm(t *testing.T) {
	dir := t.TempDir()
	history(t, dir)
	term := newTerminal(t, dir, "repl")
	term.clear()
	term.typed(`link(scan("photos"), name = "new")`)
	term.keys("Enter")
	term.sees(`^link\(scan\("photos"\), name="new"\) has an effect. Go on\? \[y/N\]`)
	term.keys("Enter")
	term.sees(`^not done\nphlb>\z`)
	term.keys("Up")
	term.sees(`phlb> link.*"new"\)\z`) // the answer is no statement
	term.keys("Enter")
	term.sees(`(?s)not done.*Go on\? \[y/N\]\z`)
	term.keys("C-c")
	term.sees(`(?s)Go on\? \[y/N\]\ninterrupted\nphlb>\z`)
	if _, err := os.Stat(filepath.Join(dir, "root", "new")); err == nil {
		t.Error("a backup was made that was not to be")
	}
	term.keys("Up", "Enter")
	term.sees(`(?s)interrupted.*Go on\? \[y/N\]\z`)
	term.typed("y")
	term.keys("Enter")
	term.sees(`^new/\S+: 1 file, `)
	term.clear()
	term.typed("_.remove()")
	term.keys("Enter")
	term.sees(`^new/\S+: remove\(\) has an effect. Go on`)
	term.typed("n")
	term.keys("Enter")
	term.sees(`^not done\nphlb>\z`)
}

// TestTerminalHistory finds what was typed in an earlier session.
func TestTerminalHistory(t *testing.T) {
	dir := t.TempDir()
	history(t, dir)
	term := newTerminal(t, dir, "repl")
	term.asks("SELECT name\nFROM snapshots\nLIMIT 1;", `\(1 row\)`)
	other := newTerminal(t, dir, "repl") // while the first goes on
	other.asks("7 * 6", `^42`)
	other.asks("SELECT name\nFROM snapshots\nLIMIT 2;", `\(2 rows\)`)
	term.asks("6 * 6", `^36`)
	term.keys("C-d")
	term.sees(`^ended with 0$`)
	term = newTerminal(t, dir, "repl")
	term.sees(`phlb>\z`)
	term.clear()
	term.keys("C-r")
	term.typed("LIMIT 1")
	term.sees(`inc-search`)
	term.keys("Enter")
	term.sees(`(?s)SELECT name\n +FROM snapshots\n +LIMIT 1;\nname.*\(1 row\)\nphlb>\z`)
}
