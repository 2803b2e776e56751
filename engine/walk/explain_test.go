package walk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// verdict writes all of v but its path.
func verdict(v *Verdict) string {
	text := "taken"
	if !v.Taken {
		text = "not taken"
	}
	if v.Missing {
		text += ", missing"
	}
	if v.Reason != "" {
		text += ", " + string(v.Reason)
	}
	if v.Reason != "" || v.By != nil {
		text += " at " + v.At
		if v.AtDir {
			text += "/"
		}
	}
	if v.By != nil {
		text += ": " + v.By.String()
	}
	for _, r := range v.Over {
		text += " over " + r.String()
	}
	if len(v.Warnings) > 0 {
		text += fmt.Sprintf(", %d warnings", len(v.Warnings))
	}
	return text
}

// TestExplain asks of paths, and holds the answers against a walk.
func TestExplain(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"a.o", "keep.o", "no", "src/x/Cargo.toml", "src/x/target/deep/a.o", "src/target/a",
		"cache/f", "cache/sub/f", "skip/f", "other/f", "sub/a.o", "sub/f"} {
		write(t, dir, path, "1")
	}
	write(t, dir, "big", "12345", "big.o", "12345", "cache/CACHEDIR.TAG", cacheSignature, "sub/.ignore", "# words\n!*.o\nf\n[\n")
	must(t, os.Symlink("src", filepath.Join(dir, "link")))
	d, err := OpenRoot(filepath.Join(dir, "other"))
	must(t, err)
	defer d.Close()
	other, err := d.Stat()
	must(t, err)
	w := &Walk{Root: dir, Rules: Rules{
		SkipDirs: []string{"skip"},
		Ordered: []Rule{
			{Text: "target/", Origin: "build", Beside: "Cargo.toml"},
			{Text: "*.o", Origin: "rule 1"}, {Text: "!keep.o", Origin: "rule 2"}, {Text: "!big.o", Origin: "rule 3"},
			{Text: "new*/", Origin: "rule 4"},
		},
		IgnoreFiles: []string{".ignore"}, Tagged: true, MaxSize: 4, Exclude: []ID{other.ID()},
		Where: func(_ int, e *Entry) (bool, error) { return e.Path != "no", nil },
	}}
	taken := gather(t, w).paths()
	for _, test := range []struct{ path, want string }{
		{".", "taken"},
		{"src/target", "taken"},
		{"src/target/a", "taken"},
		{"link", "taken"},
		{"link/x", "not taken, not a directory at link"},
		{"a.o", `not taken, rule at a.o: "*.o" (rule 1)`},
		{"keep.o", `taken at keep.o: "!keep.o" (rule 2) over "*.o" (rule 1)`},
		{"keep.o/x", `not taken, not a directory at keep.o: "!keep.o" (rule 2) over "*.o" (rule 1)`},
		{"src/x/target/deep/a.o", `not taken, rule at src/x/target/: "target/" beside Cargo.toml (build)`},
		{"src/x/target", `not taken, rule at src/x/target/: "target/" beside Cargo.toml (build)`},
		{"cache", `taken, mark at cache/: "CACHEDIR.TAG" (tagged)`},
		{"cache/CACHEDIR.TAG", "not taken, max_size at cache/CACHEDIR.TAG"},
		{"cache/f", `not taken, mark at cache/: "CACHEDIR.TAG" (tagged)`},
		{"cache/sub/f", `not taken, mark at cache/: "CACHEDIR.TAG" (tagged)`},
		{"cache/nothing", `not taken, mark at cache/: "CACHEDIR.TAG" (tagged)`},
		{"skip/f", `not taken, rule at skip/: "skip" (skip_dirs)`},
		{"other/f", "not taken, excluded at other/"},
		{"big", "not taken, max_size at big"},
		{"big.o", `not taken, max_size at big.o: "!big.o" (rule 3) over "*.o" (rule 1)`},
		{"no", "not taken, where at no"},
		{"sub/.ignore", "not taken, max_size at sub/.ignore, 1 warnings"},
		{"sub/a.o", `taken at sub/a.o: "!*.o" (sub/.ignore:2) over "*.o" (rule 1), 1 warnings`},
		{"sub/f", `not taken, rule at sub/f: "f" (sub/.ignore:3), 1 warnings`},
		{"new", "taken, missing"},
		{"new/", `not taken, missing, rule at new/: "new*/" (rule 4)`},
		{"new/x", `not taken, missing, rule at new/: "new*/" (rule 4)`},
		{"fresh/new", "taken, missing"},
		{"fresh/new/", `not taken, missing, rule at fresh/new/: "new*/" (rule 4)`},
		{"fresh/x.o", `not taken, missing, rule at fresh/x.o: "*.o" (rule 1)`},
		{"src/x/fresh/target/x", "taken, missing"},
	} {
		v, err := w.Explain(test.path)
		if err != nil {
			t.Errorf("%s: %v", test.path, err)
			continue
		}
		if got := verdict(v); got != test.want {
			t.Errorf("%s: %s, want %s", test.path, got, test.want)
		}
		if !v.Missing && slices.Contains(taken, v.Path) != v.Taken {
			t.Errorf("%s: the walk does not agree", test.path)
		}
	}
}

func TestExplainErrors(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "f")
	if _, err := (&Walk{Root: filepath.Join(dir, "none")}).Explain("x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no root: %v", err)
	}
	if _, err := (&Walk{Root: dir, Rules: Rules{Skip: []string{"["}}}).Explain("x"); err == nil {
		t.Error("with bad rules: no error")
	}
	broken := errors.New("broken")
	w := &Walk{Root: dir, Rules: Rules{Where: func(int, *Entry) (bool, error) { return false, broken }}}
	if _, err := w.Explain("f"); err != broken {
		t.Errorf("of Where: %v", err)
	}
	if v, err := w.Explain("g"); err != nil || !v.Taken || !v.Missing {
		t.Errorf("Where was asked of what does not exist: %+v, %v", v, err)
	}
}

func ExampleWalk_Explain() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	w := &Walk{Root: dir, Rules: Rules{Ordered: []Rule{
		{Text: "*.iso", Origin: "rule 1"}, {Text: "!keep.iso", Origin: "rule 2"}, {Text: "build/", Origin: "rule 3"},
	}}}
	for _, path := range []string{"keep.iso", "src/build/a.o"} {
		v, err := w.Explain(path)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(path, v.Taken, v.At, v.By)
	}
	// Output:
	// keep.iso true keep.iso "!keep.iso" (rule 2)
	// src/build/a.o false src/build "build/" (rule 3)
}
