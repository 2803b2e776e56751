package walk

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// gitRepository returns how to run git on a tree, which it takes for its own.
func gitRepository(t *testing.T) func(tree string, stdin string, args ...string) ([]byte, error) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	home := t.TempDir()
	run := func(tree, stdin string, args ...string) ([]byte, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Stdin = tree, strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
			"GIT_DIR="+filepath.Join(home, "git"), "GIT_WORK_TREE="+tree)
		return cmd.Output()
	}
	if _, err := run(home, "", "init", "--quiet"); err != nil {
		t.Skipf("needs git init: %v", err)
	}
	return run
}

// judgement is what git says of a path.
type judgement struct {
	rule    string // FILE:LINE, "" if none matches
	ignored bool
}

func judgements(t tb, output []byte) map[string]judgement {
	all := map[string]judgement{}
	fields := strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00")
	for part := range slices.Chunk(fields, 4) { // file, line, pattern, path
		if len(part) != 4 {
			t.Fatalf("git says %q", output)
		}
		var j judgement
		if part[0] != "" {
			j = judgement{part[0] + ":" + part[1], !strings.HasPrefix(part[2], "!")}
		}
		all[part[3]] = j
	}
	return all
}

var (
	gitName = rapid.OneOf(
		rapid.SampledFrom([]string{"a", "b", "ab", "ba", "a.o", "b.o", "abc", "a b", "A", "1", "]", "-", "!a", "#a", "a{b,c}", "a,b", "{a}", "é", "\xff", "a\\", "[", "^", "*", "a ", "a?b", ".a", "a\nb", "a\t"}),
		rapid.StringMatching(`[abAB1_.]{1,3}[abo]`),
	)
	gitAtom = rapid.OneOf(
		rapid.SampledFrom([]string{"a", "b", "a", "b", ".", "A", "1", "o", "*", "*", "?", "é", "\xff", "{", "}", ",", "{a,b}", "\\a", "\\*", "\\?", "\\[", "\\\\", "\\]", "\\{", " ", "\\ ", "\\/", "-", "!", "#", "]", "^"}),
		rapid.SampledFrom([]string{"[ab]", "[a-b]", "[!a]", "[^a]", "[]a]", "[!]a]", "[a-]", "[-a]", "[\\]a]", "[a\\-b]", "[\\a-b]", "[a-bA-B1]", "[_a-b]", "[!a-bx]", "[b-a]", "[[:alpha:]]", "[[:digit:][:upper:]_]", "[^[:lower:]]", "[[:punct:]]", "[[:foo]", "[a[:]", "[[]", "[a/]", "[/]", "[é]", "[\xff]", "[{]", "[a-\\b]", "[a[:digit:]-b]", "[a-]b]"}),
		rapid.SampledFrom([]string{"[a", "[", "[[:nope:]]", "[a-", "[\\"}),
	)
	gitPart = rapid.OneOf(
		rapid.Map(rapid.SliceOfN(gitAtom, 1, 3), func(atoms []string) string {
			// git takes "a**/b" for more than its manual says.
			text := strings.Join(atoms, "")
			for strings.Contains(text, "**") {
				text = strings.ReplaceAll(text, "**", "*")
			}
			return text
		}),
		rapid.SampledFrom([]string{"**", "**", "***", "*", "a", "b", "ab"}),
		gitName,
	)
	gitLine = rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"", "", "", "!", "!", "\\", "#", " "}).Draw(t, "begin") +
			rapid.SampledFrom([]string{"", "", "", "/", "**/", "//"}).Draw(t, "anchor") +
			strings.Join(rapid.SliceOfN(gitPart, 1, 3).Draw(t, "parts"), "/") +
			rapid.SampledFrom([]string{"", "", "", "/", "/**", "/*", "/**/", " ", "  ", "\\ ", "\\", "\r", "\t", "//"}).Draw(t, "end")
	})
	gitFile = rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"", "", "\ufeff", "\n", "# a\n"}).Draw(t, "begin") +
			strings.Join(rapid.SliceOfN(gitLine, 1, 6).Draw(t, "lines"), rapid.SampledFrom([]string{"\n", "\n", "\r\n"}).Draw(t, "newline")) +
			rapid.SampledFrom([]string{"", "\n", "\r\n", "\r"}).Draw(t, "end")
	})
)

// TestLikeGit makes trees with ignore files, and compares what a walk takes and
// which rule decides with what git says.
func TestLikeGit(t *testing.T) {
	git := gitRepository(t)
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		must(t, err)
		defer os.RemoveAll(dir)
		folders := []string{"."}
		all := map[string]bool{}
		for range rapid.IntRange(2, 12).Draw(t, "entries") {
			in := rapid.SampledFrom(folders).Draw(t, "in")
			path := filepath.Join(in, gitName.Draw(t, "name"))
			if all[path] {
				continue
			}
			all[path] = true
			if rapid.Bool().Draw(t, "is a folder") {
				must(t, os.Mkdir(filepath.Join(dir, path), 0o755))
				folders = append(folders, path)
			} else {
				must(t, os.WriteFile(filepath.Join(dir, path), nil, 0o644))
			}
		}
		for i, in := range folders {
			if i == 0 || rapid.IntRange(0, 2).Draw(t, "has rules") == 0 {
				path := filepath.Join(in, ".gitignore")
				text := gitFile.Draw(t, "rules")
				all[path] = true
				must(t, os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644))
			}
		}
		var paths []string
		for path := range all {
			paths = append(paths, path)
		}
		slices.Sort(paths)
		output, err := git(dir, strings.Join(paths, "\x00")+"\x00", "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n")
		if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 1) { // 1: none is ignored
			t.Fatalf("git: %v", err)
		}
		want := judgements(t, output)

		w := &Walk{Root: dir, Rules: Rules{IgnoreFiles: []string{".gitignore"}}}
		got := gather(t, w)
		wantNoErrors(t, got)
		taken := got.paths()
		for _, path := range paths {
			j, ok := want[path]
			if !ok {
				t.Fatalf("git says nothing of %q", path)
			}
			if slices.Contains(taken, path) == j.ignored {
				t.Errorf("%q: taken %v, ignored by git %v (%s)", path, !j.ignored, j.ignored, j.rule)
			}
			v, err := w.Explain(path)
			must(t, err)
			rule := ""
			if v.By != nil && (v.At == path || !v.Taken) {
				rule = v.By.Origin
			}
			if v.Taken == j.ignored || rule != j.rule {
				t.Errorf("%q: taken %v by %q, want %v by %q", path, v.Taken, rule, !j.ignored, j.rule)
			}
		}
	})
}
