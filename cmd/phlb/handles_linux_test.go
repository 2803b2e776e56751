package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHandles traces the system calls of verbs: once the root is open, none takes
// a path of several names below it, on which somebody could put a link. Files in
// a folder of the catalog's own are left out, whose name nobody can guess.
func TestHandles(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root, source := filepath.Join(dir, "root"), filepath.Join(dir, "docs")
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("PHLB_BACKUP_PATH", root)
	t.Chdir(dir)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, content string) {
		t.Helper()
		must(os.MkdirAll(filepath.Dir(path), 0o755))
		must(os.WriteFile(path, []byte(content), 0o644))
	}
	write(filepath.Join(source, "a/b/c/deep"), "deep")
	write(filepath.Join(source, "a/also"), "deep")
	must(os.Symlink("a", filepath.Join(source, "link")))
	must(exec.Command("mkfifo", filepath.Join(source, "a/fifo")).Run())

	phlb := func(args ...string) {
		t.Helper()
		log := filepath.Join(dir, "trace")
		cmd := exec.Command(strace, append([]string{"-f", "-s", "4096", "-e", "trace=%file", "-o", log, "phlb"}, args...)...)
		out, err := cmd.CombinedOutput()
		if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() == 1 && args[0] != "doctor" || exit.ExitCode() == 2) {
			if strings.Contains(string(out), "ptrace") {
				t.Skipf("needs to trace: %s", out)
			}
			t.Fatalf("phlb %q: %v\n%s", args, err, out)
		}
		trace, err := os.ReadFile(log)
		must(err)
		for call := range strings.Lines(string(trace)) {
			if path := several(call, root); path != "" {
				t.Errorf("phlb %q reaches %s by a path: %s", args, path, call)
			}
		}
	}
	stamps := func() []string {
		found, err := filepath.Glob(filepath.Join(root, "docs", "2*Z"))
		must(err)
		return found
	}
	config := filepath.Join(dir, "home/.config/phlb/phlb.toml")
	write(filepath.Join(dir, "script.star"), `def main():
    s = link(scan("docs"))
    hash(scan("docs"))
    versions("a/also")
    verify(s, heal = True)
    add()
    s.restore("to")
`)
	again := filepath.Join(dir, "again.star")
	write(again, fmt.Sprintf(`def main():
    for f in scan(%q):
        hash(f)
    hash(%[1]q + "/a/deep")
    snapshot(%[1]q).diff(scan(%[1]q))
    versions("docs/2001-02-03-040506/a/deep")
`, filepath.Join(root, "docs/2001-02-03-040506")))
	write(config, "snapshot_format = \"%Y%m%d-%H%M%SZ\"\n")

	phlb("backup", source)
	write(filepath.Join(source, "a/b/new"), "new")
	time.Sleep(time.Second) // the stamps have whole seconds
	phlb("backup", source)
	must(os.Remove(filepath.Join(root, ".phlb/catalog.ql")))
	phlb("snapshots")
	phlb("verify", "docs")
	rotten := filepath.Join(stamps()[1], "a/b/new")
	was, err := os.Stat(rotten)
	must(err)
	write(rotten, "old")
	must(os.Chtimes(rotten, was.ModTime(), was.ModTime()))
	must(os.Remove(filepath.Join(stamps()[1], "link")))
	phlb("verify", "--heal", "docs")
	phlb("restore", "docs", "--to", filepath.Join(dir, "to"))
	write(filepath.Join(root, "docs/2001-02-03-040506/a/deep"), "deep")
	write(filepath.Join(root, "docs/2001-02-03-040506.log"), "log")
	phlb("add")
	own, old := filepath.Join(root, "docs/2001-02-03-040506"), "docs/2001-02-03-040506" // its source is its own folder
	for _, verb := range [][]string{
		{"restore", old + ":a", filepath.Join(dir, "part")}, {"restore", filepath.Join(own, "a"), filepath.Join(dir, "part2")}, {"stat", own},
		{"diff", old}, {"diff", old, own}, {"diff", old, filepath.Join(root, "docs")}, {"diff", old, "--skip", "x"}, {"diff", filepath.Join(root, "docs/latest")},
		{"log", filepath.Join(own, "a/deep")}, {"log", filepath.Join(root, "docs/latest/a/also")}, {"log", old + ":a/deep"}, {"exec", again},
		{"explain", filepath.Join(source, "a/also")}, {"explain", filepath.Join(own, "a/deep")}, {"explain", filepath.Join(source, "a/also"), own}, {"add", own},
	} {
		phlb(verb...)
	}
	phlb("--dry-run", "backup", source)
	phlb("unlock", "docs")
	for _, verb := range [][]string{
		{"find", "deep"}, {"log", filepath.Join(source, "a/b/new")}, {"diff", "docs/" + filepath.Base(stamps()[0])}, {"diff", "docs/" + filepath.Base(stamps()[0]), "docs/" + filepath.Base(stamps()[1])}, {"du", "docs"}, {"stat", "docs"}, {"top"},
		{"export", filepath.Join(dir, "out.sqlite")}, {"query", "SELECT count(*) FROM files"}, {"snapshots", "docs"}, {"check-age"}, {"doctor"},
		{"verify", "--fast", "docs"}, {"verify", "--sample", "0.5", "docs"}, {"unlock"}, {"--dry-run", "add"}, {"--dry-run", "remove", "docs/" + filepath.Base(stamps()[0])}, {"--dry-run", "forget", "docs", "--last", "1"},
		{"--dry-run", "restore", "docs", filepath.Join(dir, "to")}, {"restore", "docs", filepath.Join(dir, "to"), "--overwrite", "always", "--delete"}, {"restore", "docs", source},
		{"exec", filepath.Join(dir, "script.star")}, {"remove", "docs/" + filepath.Base(stamps()[0])}, {"--foreign-root", "snapshots"}, {"--foreign-root", "restore", "docs", filepath.Join(dir, "foreign")}, {"forget", "docs", "--last", "1"},
	} {
		phlb(verb...)
	}
}

// ownFile is a file in a folder that an open catalog has for itself.
var ownFile = regexp.MustCompile(`^catalog\.ql\.tmp-\d+/[^/]+$`)

var quotedText = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)

// several returns the path in a traced call that leads to what lies below the
// root by several names, "" if there is none.
func several(call, root string) string {
	call, _, _ = strings.Cut(call, ") = ")
	if strings.Contains(call, "openat2(") && strings.Contains(call, "RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH") || strings.Contains(call, "execve(") {
		return ""
	}
	relative := !strings.Contains(call, "AT_FDCWD")
	for _, text := range quotedText.FindAllStringSubmatch(call, -1) {
		path := text[1]
		if strings.HasPrefix(path, root+"/") {
			return path
		}
		if handle, ok := strings.CutPrefix(path, "/proc/self/fd/"); ok {
			_, path, _ = strings.Cut(handle, "/")
			relative = !ownFile.MatchString(path)
		}
		if relative && !strings.HasPrefix(path, "/") && strings.Contains(path, "/") {
			return path
		}
	}
	return ""
}
