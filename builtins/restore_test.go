package builtins

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRestore(t *testing.T) {
	l := newLab(t, "a.txt", "1", "sub/b.txt", "22", "sub/c.jpg", "333")
	l.must(os.Link(l.in("a.txt"), l.in("sub/hard.txt")))
	l.run(`
def main():
    s = link(scan(SOURCE))
    to = SOURCE + "-restored"
    r = s.restore(to)
    print(r.ok, bool(r), r.to == to, r.files, r.bytes, r.linked, r.others, r.folders)
    print(s.restore(to).unchanged, type(r), r)
    print(s.restore(to, overwrite = "always", delete = True).unchanged)
    print(s.restore(to + "/new", path = "sub", include = ["*.txt"], exclude = ["b.*"]).files)
    r = restore("source/latest:sub/c.jpg", to)
    print(r.files, r.to.replace("\\", "/") == (to + "/c.jpg").replace("\\", "/"), r.problems, r.errors, r.skipped, r.deleted)
    print(restore("source@0days", "~/source-restored").skipped)
`, `
True True True 4 6 1 0 2
4 Restored 4 files, 6 B restored, 1 linked, 2 folders
4
1
1 True [] 0 0 0
0
`)
	if got, err := os.ReadFile(l.source + "-restored/new/hard.txt"); err != nil || string(got) != "1" {
		t.Errorf("restored %q, %v", got, err)
	}
	if n := len(l.session.Restores()); n != 6 {
		t.Errorf("%d restores are known, want 6", n)
	}
	for _, test := range []struct{ src, want string }{
		{`restore("nothing", "x")`, `test.star:1:8: no such snapshot: "nothing"`},
		{`restore("source")`, "restore: missing argument for to"},
		{`restore("source", ROOT)`, "target lies inside of the backup root"},
		{`restore("source:x", SOURCE)`, `holds no such path: "x"`},
		{`snapshot("source").restore("x", include = ["[a"])`, `include: pattern "[a"`},
		{`snapshot("source").restore("x", overwrite = "no")`, `overwrite is "no", want never, newer or always`},
		{`snapshot("source").restore("x", include = "a")`, `restore: for parameter "include": got string, want a list of strings`},
		{"r = snapshot('source').restore\ndef main(x = r('x')): pass", "restore has an effect"},
	} {
		l.fails(test.src, test.want)
	}
}

func TestRestoreDamaged(t *testing.T) {
	l := newLab(t, "a", "1", "b", "2")
	l.run(`link(scan(SOURCE))`, "")
	tree := strings.TrimSuffix(l.snapshots()[0], ".sha256.gz")
	l.must(os.WriteFile(filepath.Join(tree, "b"), []byte("x"), 0o644))
	l.run(`
def main():
    r = restore("source", ROOT + "-to")
    print(bool(r), r.errors, [(p.what, p.path) for p in r.problems])
    print(r)
`, `
False 1 [("content", "b")]
1 file, 1 B restored, 1 folder, 1 error
`)
}

// TestRestorePolicy runs the stock script.
func TestRestorePolicy(t *testing.T) {
	l := newLab(t, "a", "1")
	source, err := os.ReadFile(filepath.Join("..", "scripts", "restore.star"))
	l.must(err)
	l.run(`link(scan(SOURCE))`, "")
	l.run(string(source)+"\n_main = main\ndef main(): print(_main('source:a', SOURCE + '-to').files)", "1")
}
