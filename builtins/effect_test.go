package builtins

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"phlb/runtime"
)

// TestEffects holds that what changes something happens when the script runs,
// not while a file is being loaded, and not in functions that run in parallel.
func TestEffects(t *testing.T) {
	l := newLab(t, "a", "content")
	l.run(`link(scan(SOURCE))`, "")
	for _, effect := range []string{"link(scan(SOURCE))", "add()", "verify(snapshots()[0], heal = True)", "snapshots()[0].remove()"} {
		t.Run(effect, func(t *testing.T) {
			l.TB = t
			l.fails("x = "+effect+"\ndef main():\n    pass", "has an effect, and test.star is still being loaded: move the call into main")
			l.must(os.WriteFile(filepath.Join(l.dir, "lib.star"), []byte("def f():\n    return "+effect+"\nx = f()\n"), 0o644))
			l.fails(`load("lib.star", "x")`, "has an effect, and lib.star is still being loaded")
			l.fails("for f in scan(SOURCE, where = lambda f: "+effect+"):\n    pass", "has an effect, and callbacks run in parallel")
			l.fails("link(scan(SOURCE, where = lambda f: "+effect+"))", "has an effect, and callbacks run in parallel")
			if n := len(l.snapshots()); n != 1 {
				t.Errorf("there are %d snapshots, want the first alone", n)
			}
		})
	}
}

// What only looks is free.
func TestNoEffects(t *testing.T) {
	l := newLab(t, "a", "content")
	l.run(`link(scan(SOURCE))`, "")
	l.run(`
newest = snapshots()[0]
found = verify(newest).ok
sizes = [row.size for row in query("SELECT size FROM versions WHERE kind = ?", "f")]
digest = [d[:4] for f, d in hash(scan(SOURCE))]
def main():
    print(newest == snapshot("source"), found, sizes, digest)
`, `True True [7] ["ed70"]`)
}

// A module from elsewhere has nothing of ours but what it is handed.
func TestEffectsInLibraries(t *testing.T) {
	l := newLab(t, "a", "content")
	l.modules = map[string]*runtime.Module{"lib": {Label: "@lib", Files: fstest.MapFS{
		"link.star":  {Data: []byte("def f(root):\n    return link(scan(root))\n")},
		"given.star": {Data: []byte("def biggest(files):\n    return max(files, key = lambda f: f.size)\n\ndef make(link, s):\n    return link(s)\n")},
	}}}
	l.fails(`load("@lib//link.star", "f")`, "undefined: link")
	l.run(`
load("@lib//given.star", "biggest", "make")
print(biggest(scan(SOURCE)).path, make(link, scan(SOURCE)).files)
`, "a 1")
}

// To a module from elsewhere a snapshot is plain data, whichever way it comes to
// call a method. A function that it is handed keeps what it may do.
func TestMethodsInLibraries(t *testing.T) {
	l := newLab(t, "a", "content")
	l.run(`link(scan(SOURCE))`, "")
	l.modules = map[string]*runtime.Module{"lib": {Label: "@lib", Files: fstest.MapFS{"m.star": {Data: []byte(`
def remove(s): s.remove()
def restore(s, to): s.restore(to)
def by(s, to): sorted([to], key = s.restore)
def within(s): return struct(remove = lambda: s.remove())
def look(s): return (s.name, s.files, getattr(s, "complete"))
def compare(s): s.diff("/etc")
def apply(s, f): return f(s)
`)}}}}
	for call, method := range map[string]string{
		"remove(s)": "remove", `restore(s, ROOT + "/../planted")`: "restore", `by(s, ROOT + "/../planted")`: "restore",
		"within(s).remove()": "remove", "compare(s)": "diff",
	} {
		l.fails("load('@lib//m.star', 'remove', 'restore', 'by', 'within', 'compare')\ns = snapshots()[0]\n"+call,
			"Snapshot."+method+": what a module from elsewhere is handed is plain data to it, and has no methods")
	}
	if _, err := os.Stat(filepath.Join(l.dir, "planted")); err == nil || len(l.snapshots()) != 1 {
		t.Errorf("a module from elsewhere has had an effect")
	}
	l.run("load('@lib//m.star', 'look', 'apply')\ns = snapshots()[0]\nprint(look(s), apply(s, lambda s: s.stat().files))", `("source", 1, True) 1`)
}

func (l *lab) snapshots() []string {
	l.Helper()
	stamps, err := filepath.Glob(filepath.Join(l.root, "*", "*.sha256.gz"))
	l.must(err)
	return stamps
}
