package walk

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine/manifest"
)

// write makes files: path, content, ….
func write(t tb, dir string, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(dir, pairs[i])
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(pairs[i+1]), 0o644))
	}
}

func TestOrderedRules(t *testing.T) {
	tree := []string{"a.o", "b/a.o", "b/keep.o", "b/c/keep.o", "cache/keep.o", "d/x", "d/y"}
	for _, test := range []struct{ rules, want string }{
		{"*.o", ". b b/c cache d d/x d/y"},
		{"*.o !keep.o", ". b b/keep.o b/c b/c/keep.o cache cache/keep.o d d/x d/y"},
		{"!keep.o *.o", ". b b/c cache d d/x d/y"},
		{"*.o !/b/*.o", ". b b/a.o b/keep.o b/c cache d d/x d/y"},
		{"*.o cache/ !keep.o", ". b b/keep.o b/c b/c/keep.o d d/x d/y"}, // what is not entered cannot be taken
		{"/* !/d/", ". d d/x d/y"},
		{"/* !/d/ /d/* !/d/x", ". d d/x"},
	} {
		t.Run(test.rules, func(t *testing.T) {
			dir := t.TempDir()
			grow(t, dir, tree...)
			rules := Rules{Ordered: ruleLines(strings.Fields(test.rules)...)}
			got := gather(t, &Walk{Root: dir, Rules: rules})
			wantPaths(t, got, strings.Fields(test.want)...)
			wantNoErrors(t, got)
		})
	}
}

func TestSkipIsStronger(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "a/f", "b.o", "c")
	write(t, dir, ".ignore", "!a/\n!b.o\n")
	rules := Rules{SkipDirs: []string{"a"}, Skip: []string{"*.o"}, Ordered: ruleLines("!*"), IgnoreFiles: []string{".ignore"}}
	wantPaths(t, gather(t, &Walk{Root: dir, Rules: rules}), ".", ".ignore", "c")
}

func TestIgnoreFiles(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "a.o", "b/a.o", "b/c/a.o", "b/c/d/a.o", "b/c/d/x", "e/x", "x")
	write(t, dir,
		".ignore", "*.o\n/x\n",
		"b/c/.ignore", "!*.o\n",
		"b/c/.later", "!/d/x\n", // of one directory the later name is stronger
		"b/c/d/.ignore", "x\n", // and a nearer one stronger than that
		"b/.later", "# nothing\n",
		"e/.ignore", "!x\n")
	w := &Walk{Root: dir, Rules: Rules{Ordered: ruleLines("!a.o", "e/x"), IgnoreFiles: []string{".ignore", ".later"}}}
	got := gather(t, w)
	wantNoErrors(t, got)
	wantPaths(t, got, ".", ".ignore", "b", "b/.later", "b/c", "b/c/.ignore", "b/c/.later", "b/c/a.o",
		"b/c/d", "b/c/d/.ignore", "b/c/d/a.o", "e", "e/.ignore", "e/x")
	if got.skipped != 4 {
		t.Errorf("%d were skipped, want 4", got.skipped)
	}
}

// TestIgnoreFilesNotObeyed: whatever is wrong with them, the walk goes on.
func TestIgnoreFilesNotObeyed(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "a", "dir/.ignore/", "dir/a", "link/a", "large/a", "lines/a", "lines/b")
	write(t, dir, "rules", "*\n", "lines/.ignore", "[\n\nb\n//\n")
	must(t, os.Symlink("../rules", filepath.Join(dir, "link/.ignore")))
	must(t, os.WriteFile(filepath.Join(dir, "large/.ignore"), bytes.Repeat([]byte("*\n"), maxIgnoreFile/2+1), 0o644))
	var warnings []string
	w := &Walk{Root: dir, Rules: Rules{IgnoreFiles: []string{".ignore"}}}
	var paths []string
	err := w.Run(t.Context(), func(b *Batch) error {
		for _, err := range b.Warnings {
			warnings = append(warnings, err.Error())
		}
		for i := range b.Entries {
			paths = append(paths, b.Entries[i].Path)
		}
		return nil
	})
	must(t, err)
	if want := []string{"a", "rules", "dir/a", "large/.ignore", "large/a", "lines/.ignore", "lines/a", "link/.ignore", "link/a"}; !slices.Equal(paths, want) {
		t.Errorf("walked %q, want %q", paths, want)
	}
	want := []string{
		"read dir/.ignore: is not obeyed: not a regular file",
		"read large/.ignore: is not obeyed: larger than 64 KiB",
		`read lines/.ignore: line 1, "[", has a [ that is not closed`,
		`read lines/.ignore: line 4, "//", matches nothing`,
		"read link/.ignore: is not obeyed: not a regular file",
	}
	if len(warnings) != len(want) {
		t.Fatalf("warnings %q", warnings)
	}
	for i, text := range warnings {
		if !strings.HasPrefix(text, want[i]) {
			t.Errorf("warning %q, want %q", text, want[i])
		}
	}
}

// TestIgnoreLimits nests ignore files until no more of them may be in force. Those
// beside them, in other folders, are obeyed.
func TestIgnoreLimits(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		nested int // are obeyed
	}{
		"rules":  {strings.Repeat("*.o\n", 3000), 3},
		"bytes":  {strings.Repeat("#", maxIgnoreFile-5) + "\n*.o\n", 16},
		"a file": {strings.Repeat("a\n", maxInForce+1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			at := "in"
			for range test.nested + 1 {
				write(t, dir, at+"/.ignore", test.text)
				at += "/in"
			}
			write(t, dir, "other/.ignore", "*.o\n", "other/x.o", "")
			w := &Walk{Root: dir, Rules: Rules{IgnoreFiles: []string{".ignore"}}}
			var warnings []string
			must(t, w.Run(t.Context(), func(b *Batch) error {
				for _, err := range b.Warnings {
					warnings = append(warnings, err.Error())
				}
				if b.Path == "other" && b.Skipped != 1 {
					t.Errorf("%d were skipped beside it, want 1", b.Skipped)
				}
				return nil
			}))
			want := "read " + strings.Repeat("in/", test.nested+1) + ".ignore: is not obeyed: with those further up, more than 10000 rules or 1024 KiB of them would be in force"
			if len(warnings) != 1 || warnings[0] != want {
				t.Errorf("warnings %q, want %q", warnings, want)
			}
		})
	}
}

func TestBeside(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "target/photo", "rust/Cargo.toml", "rust/target/a.o", "rust/sub/target/x", "both/Cargo.toml", "both/target/x")
	write(t, dir, "both/.ignore", "!target\n")
	rules := Rules{Ordered: []Rule{{Text: "target/", Beside: "Cargo.toml"}}, IgnoreFiles: []string{".ignore"}}
	wantPaths(t, gather(t, &Walk{Root: dir, Rules: rules}), ".", "both", "both/.ignore", "both/Cargo.toml", "both/target", "both/target/x",
		"rust", "rust/Cargo.toml", "rust/sub", "rust/sub/target", "rust/sub/target/x", "target", "target/photo")
}

func TestMarks(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "cache/a/f", "cache/f", "fake/f", "hold/f", "hold/sub/f", "dir/.nobackup/f", "dir/f", "both/f", "top")
	write(t, dir,
		cacheTag, cacheSignature+"\n", // in the root, which is named for its own sake
		"cache/CACHEDIR.TAG", cacheSignature+"\n# as of the specification\n",
		"fake/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc5",
		"hold/.nobackup", "",
		"both/.nobackup", "", "both/CACHEDIR.TAG", cacheSignature)
	must(t, os.MkdirAll(filepath.Join(dir, "link"), 0o755))
	must(t, os.Symlink("../cache/CACHEDIR.TAG", filepath.Join(dir, "link/CACHEDIR.TAG")))
	got := gather(t, &Walk{Root: dir, Rules: Rules{Tagged: true, IfPresent: []string{".nobackup"}}})
	wantNoErrors(t, got)
	wantPaths(t, got, ".", cacheTag, "top", "both", "both/.nobackup", "both/CACHEDIR.TAG", "cache", "cache/CACHEDIR.TAG", "dir",
		"fake", "fake/CACHEDIR.TAG", "fake/f", "hold", "hold/.nobackup", "link", "link/CACHEDIR.TAG")
	if want := 2 + 2 + 2 + 1; got.skipped != want {
		t.Errorf("%d were skipped, want %d", got.skipped, want)
	}

	got = gather(t, &Walk{Root: dir, Rules: Rules{IfPresent: []string{"f"}}})
	if slices.Contains(got.paths(), "cache/a") || !slices.Contains(got.paths(), "cache/f") {
		t.Errorf("if_present of f: %q", got.paths())
	}
	if paths := gather(t, &Walk{Root: dir}).paths(); len(paths) != 26 {
		t.Errorf("without rules: %d paths, %q", len(paths), paths)
	}
}

func TestMaxSize(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "at", "12345", "over", "123456", "empty", "")
	must(t, os.Symlink("a target that is longer", filepath.Join(dir, "link")))
	var asked []string
	got := gather(t, &Walk{Root: dir, Workers: 1, Rules: Rules{MaxSize: 5, Where: func(_ int, e *Entry) (bool, error) {
		asked = append(asked, e.Path)
		return true, nil
	}}})
	wantPaths(t, got, ".", "at", "empty", "link")
	if got.skipped != 1 || slices.Contains(asked, "over") {
		t.Errorf("%d were skipped, asked of %q", got.skipped, asked)
	}
	if e := got.entry(t, "link"); e.Kind != manifest.Symlink || e.Size <= 5 {
		t.Errorf("the link is %+v", e)
	}
}

func TestCheckOptions(t *testing.T) {
	for want, rules := range map[string]Rules{
		"ignore_files: ":  {IgnoreFiles: []string{"a/b"}},
		"if_present: ":    {IfPresent: []string{"*.tag"}},
		"if_present: \"":  {IfPresent: []string{""}},
		"max_size: ":      {MaxSize: -1},
		"beside: \"*.x\"": {Ordered: []Rule{{Text: "a", Beside: "*.x"}}},
		"beside: \"a/b\"": {Ordered: []Rule{{Text: "a/b", Beside: "x"}}},
	} {
		if err := rules.Check(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v", rules, err)
		}
	}
	if err := (&Rules{Ordered: []Rule{{Text: ""}, {Text: "# a word"}, {Text: "*.o"}}}).Check(); err != nil {
		t.Error(fmt.Errorf("blank lines: %w", err))
	}
}
