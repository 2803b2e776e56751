//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeQuestions asks what the README asks, on another root: the columns of the
// answers are those that stand there.
func TestReadmeQuestions(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Ask your backups\n")
	section, _, _ = strings.Cut(section, "\n## ")
	dir := t.TempDir()
	history(t, dir)
	l := &lab{t, dir}
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(dir, "docs", "draft"), make([]byte, 10+i), 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := l.command("backup", "docs", "--name", "work").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	n := 0
	lines := strings.Split(section, "\n")
	for i, line := range lines {
		command, ok := strings.CutPrefix(line, "    $ ")
		if !ok {
			continue
		}
		n++
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(command, "'1min'", "'0min'"))
		cmd.Dir, cmd.Env = dir, environ(dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Errorf("%s: %v\n%s", command, err, &stderr)
			continue
		}
		title, rows, _ := strings.Cut(string(out), "\n")
		if got, want := strings.Join(strings.Fields(title), " "), strings.Join(strings.Fields(lines[i+1]), " "); got != want {
			t.Errorf("%s: the columns are %q, and those of the README %q", command, got, want)
		}
		if rows == "" && !strings.Contains(command, "HAVING") {
			t.Errorf("%s: no answer", command)
		}
	}
	if n != 10 {
		t.Errorf("the README has %d questions, want ten", n)
	}
}
