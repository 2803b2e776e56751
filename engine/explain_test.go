package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/walk"
)

// TestExplainFindsThePath asks for the same file in all the ways to write it.
func TestExplainFindsThePath(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("d/a.o", "1", "d/f", "1")
	dir := filepath.Dir(r.source)
	r.must(os.Symlink("source", filepath.Join(dir, "way")))
	r.must(os.Symlink("d", r.in("link")))
	r.must(os.Symlink(dir, filepath.Join(dir, "around")))
	rules := walk.Rules{Ordered: []walk.Rule{{Text: "*.o", Origin: "here"}}}
	for _, test := range []struct{ root, path, want string }{
		{"source", "source/d/a.o", "rule at d/a.o"},
		{"source", "source/d/../d/./a.o", "rule at d/a.o"},
		{"source", "way/d/a.o", "rule at d/a.o"},
		{"source", "around/source/d/a.o", "rule at d/a.o"},
		{"way", "way/d/a.o", "rule at d/a.o"},
		{"way", "source/d/a.o", "rule at d/a.o"},
		{"source", "source/link/a.o", "not a directory at link"},
		{"source", "way/link", "taken"},
		{"source", "source", "taken"},
		{"source", "way/none/x.o", "rule at none/x.o"},
		{"source", "source/none.o/", "rule at none.o"},
		{"source", "way", "outside"}, // a link itself is not what it points to
		{"source", "source2/f", "outside"},
		{"source", ".", "outside"},
		{"source/d", "source/d/f", "taken"},
		{"source/d", "source/link/f", "taken"},
	} {
		x, err := r.engine().Explain(engine.Source{Root: filepath.Join(dir, test.root), Rules: rules}, dir+"/"+test.path)
		if err != nil {
			t.Errorf("%s: %v", test.path, err)
			continue
		}
		got := "taken"
		switch {
		case x.Outside:
			got = "outside"
		case !x.Taken:
			got = string(x.Reason) + " at " + x.At
		}
		if got != test.want {
			t.Errorf("%s in %s: %s, want %s", test.path, test.root, got, test.want)
		}
	}
	if _, err := r.engine().Explain(engine.Source{Root: r.in("none")}, r.in("f")); err == nil {
		t.Error("a source that does not exist: no error")
	}
}

// TestExplainAgreesWithBackup holds answers against a snapshot.
func TestExplainAgreesWithBackup(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.root = r.in("backups") // in the source, which a backup steps over
	r.config = settings(r.root)
	r.write("a.o", "1", "keep.o", "1", "build/x", "1", "unwanted", "1", "large", "more than twenty bytes",
		"lib/.ignore", "!a.o\nx\n[\n", "lib/a.o", "1", "lib/x", "1", "held/.nobackup", "", "held/x", "1")
	source := engine.Source{Root: r.source, Rules: walk.Rules{
		Ordered: []walk.Rule{{Text: "*.o"}, {Text: "!keep.o"}, {Text: "build/"}}, IgnoreFiles: []string{".ignore"},
		IfPresent: []string{".nobackup"}, MaxSize: 20,
		Where: func(_ int, e *walk.Entry) (bool, error) { return e.Name() != "unwanted", nil },
	}}
	s, err := r.try(source)
	r.must(err)
	if s.Errors != 0 {
		t.Errorf("a line that is no rule made the snapshot incomplete: %d errors", s.Errors)
	}
	r.logged("level=WARN", "lib/.ignore", "line 3")
	for _, path := range []string{"a.o", "keep.o", "build", "build/x", "large", "unwanted", "lib", "lib/.ignore", "lib/a.o", "lib/x",
		"held", "held/.nobackup", "held/x", "backups", "backups/source"} {
		x, err := r.engine().Explain(source, r.in(path))
		r.must(err)
		_, err = os.Lstat(filepath.Join(s.Path, path))
		if x.Taken != (err == nil) {
			t.Errorf("%s: taken %v, in the snapshot %v", path, x.Taken, err == nil)
		}
	}
}

func TestExplanationJSON(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a.o", "1")
	source := engine.Source{Root: r.source, Rules: walk.Rules{Ordered: []walk.Rule{{Text: "!*", Origin: "one"}, {Text: "*.o", Beside: "a.o"}}, MaxSize: 7}}
	x, err := r.engine().Explain(source, r.in("a.o"))
	r.must(err)
	text, err := json.Marshal(x)
	r.must(err)
	want := `"outside":false,"taken":false,"path":"a.o","missing":false,"reason":"rule","at":"a.o","max_size":7,` +
		`"by":{"text":"*.o","origin":"","beside":"a.o"},"over":[{"text":"!*","origin":"one"}],"warnings":[]}`
	if !strings.HasSuffix(string(text), want) {
		t.Errorf("%s, want …%s", text, want)
	}
}
