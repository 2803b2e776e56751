package builtins

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// explain runs a script for the sake of a path.
func (l *lab) explain(path, src string) (string, error) {
	l.Helper()
	l.session.Explain, l.session.Now = l.in(path), l.now
	l.session.explained = nil
	printed, err := l.try(context.Background(), src)
	return printed, err
}

// tree lists what lies below a directory, files with sizes and times. The time
// of a directory changes where a reader copies the catalog.
func (l *lab) tree(dir string) string {
	var list strings.Builder
	l.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if fmt.Fprint(&list, path, info.Mode(), "\n"); !d.IsDir() {
			fmt.Fprintln(&list, info.Size(), info.ModTime())
		}
		return err
	}))
	return list.String()
}

func TestExplain(t *testing.T) {
	l := newLab(t, "a.o", "1", "keep.o", "1", "other/f", "1", "target/x", "1")
	src := `
def wanted(f):
    return f.name != "f"

def main():
    s = link(scan(SOURCE, rules = ["*.o", ("!keep.o", "a list"), "target/"], where = wanted), name = "docs", tags = ["t"])
    print(type(s), s.name, s.complete, s.tags, s.source == SOURCE, s.time == now(), s.files)
    link(scan(SOURCE + "/other"))
`
	printed, err := l.explain("a.o", src)
	l.must(err)
	if want := "Snapshot docs True (\"t\",) True True 0\n"; printed != want {
		t.Errorf("printed %s, want %s", printed, want)
	}
	got := l.session.Explanations()
	if len(got) != 2 || got[0].Name != "docs" || got[0].Root != l.source || got[0].Taken || !got[1].Outside || got[1].Name != "other" {
		t.Fatalf("%+v", got)
	}
	if by := got[0].By.String(); !strings.HasSuffix(by, `test.star, rule 1)`) {
		t.Errorf("a.o: by %s", by)
	}

	_, err = l.explain("keep.o", src)
	l.must(err)
	if x := l.session.Explanations()[0]; !x.Taken || x.By.String() != `"!keep.o" (a list)` || len(x.Over) != 1 {
		t.Errorf("keep.o: %+v", x)
	}

	_, err = l.explain("other/f", src)
	l.must(err)
	got = l.session.Explanations()
	if by := got[0].By; got[0].Taken || by.Text != "wanted" || !strings.HasSuffix(by.Origin, "test.star:1:1") {
		t.Errorf("other/f: %+v", got[0])
	}
	if !got[1].Taken {
		t.Errorf("other/f in other: %+v", got[1])
	}
	if _, err := os.Lstat(l.root); err == nil {
		t.Error("there is a backup root now")
	}
}

// TestExplainHasNoEffects runs every effect there is, on a real snapshot too.
func TestExplainHasNoEffects(t *testing.T) {
	l := newLab(t, "a", "1")
	l.run(`
link(scan(SOURCE))
link(scan(SOURCE))
`, "")
	before := l.tree(l.root)
	printed, err := l.explain("a", `
old = snapshots()[-1]
old.remove()
remove([old])
print(old.restore(SOURCE).ok, old.diff(old), verify(old, heal = True).ok)
s = link(scan(SOURCE))
print(verify(s).ok, verify(s).problems, add().added, s.restore("/").files, s.diff(old), s.remove().bytes)
print(run(["false"]).code, http.post("https://example.org", json = {}).status, http.get(url = "https://example.org").body == "")
print(len(hash(SOURCE + "/a")), list(hash(scan(SOURCE))), len(hash(what = SOURCE)))
print(len(snapshots()), [s.name for s in snapshots("source")])
`)
	l.must(err)
	want := "True [] True\nTrue [] [] 0 [] 0\n0 200 True\n64 [] 64\n2 [\"source\", \"source\"]\n"
	if printed != want {
		t.Errorf("printed\n%s, want\n%s", printed, want)
	}
	if after := l.tree(l.root); after != before {
		t.Errorf("the root was\n%s, and is\n%s", before, after)
	}
	if len(l.session.Explanations()) != 1 || len(l.session.Reports()) != 0 || len(l.session.Removals()) != 0 {
		t.Error("something was noted that has not happened")
	}
}

// TestExplainKeepsWhatCameFirst: a script that fails has scanned all the same.
func TestExplainKeepsWhatCameFirst(t *testing.T) {
	l := newLab(t, "a", "1")
	if _, err := l.explain("a", "link(scan(SOURCE))\nfail('later')"); err == nil || len(l.session.Explanations()) != 1 {
		t.Errorf("%v, %d explanations", err, len(l.session.Explanations()))
	}
	if _, err := l.explain("a", "link(scan(SOURCE + '/missing'))"); err == nil || len(l.session.Explanations()) != 0 {
		t.Errorf("a source that does not exist: %v", err)
	}
	l.session.Explain = ""
	l.fails("def f(x): return x.none\nlink(scan(SOURCE, where = f))", "none")
	if _, err := l.explain("a", "def f(x): return x.none\nlink(scan(SOURCE, where = f))"); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a function that fails: %v", err)
	}
}
