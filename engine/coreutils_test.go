package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

// oddNames are hard for whoever writes lists of names.
var oddNames = []string{
	"new\nline", "back\\slash", "\\n", "both\\\n", "car\rriage", "in\xffvalid\xc3(utf8", "-leading", "--", " space ",
	"\"quoted\"", "'", "*", "?", "[a]", "#comment", "# end", "#f", "tab\t", "ü", "\u0301", "~", "$HOME", "`", ".hidden",
	"..x", "...", "\x01\x7f", strings.Repeat("l", 255), "%20", "a=b", "c:d", ";", "&", "SHA256SUMS",
}

// sha256sum checks a snapshot as somebody would who has nothing but coreutils.
func sha256sum(t testing.TB, s *engine.Snapshot) (string, error) {
	t.Helper()
	tool(t, "sha256sum")
	tool(t, "zcat")
	check := exec.Command("sh", "-c", `zcat "$1" | sha256sum --check --quiet --strict -`, "sh", s.Path+manifest.Suffix)
	check.Dir = s.Path
	check.Env = append(os.Environ(), "LC_ALL=C")
	out, err := check.CombinedOutput()
	return string(out), err
}

func TestSha256sum(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for i, name := range oddNames {
		r.write(name+"/"+name, strings.Repeat("x", i), "flat/"+name, name)
	}
	for range 2 { // new, and unchanged
		s := r.backup()
		r.alike(s)
		if out, err := sha256sum(t, s); err != nil {
			t.Fatalf("sha256sum: %v\n%s", err, out)
		}
	}
	s := r.backup()
	r.counts(s, int64(2*len(oddNames)), 0, 0)
	// All snapshots share the inode: here is a bit that flipped in it.
	rotten := filepath.Join(s.Path, "flat", "new\nline")
	info, err := os.Stat(rotten)
	r.must(err)
	r.must(os.WriteFile(rotten, []byte("new\nlinf"), 0o644))
	r.must(os.Chtimes(rotten, info.ModTime(), info.ModTime()))
	out, err := sha256sum(t, s)
	if err == nil || strings.Count(out, "FAILED") != 1 || !strings.Contains(out, `flat/new\nline`) {
		t.Errorf("a flipped bit: %v\n%s", err, out)
	}
}

func TestRsync(t *testing.T) {
	t.Parallel()
	tool(t, "rsync")
	r := newRepo(t)
	r.write("a", "same", "b", "same", "sub/c", "other", "sub/deep/d", "")
	r.must(os.Link(r.in("a"), r.in("sub/hard link")))
	r.must(os.Link(r.in("sub/deep/d"), r.in("empty hard link")))
	r.must(os.Symlink("a", r.in("link")))
	r.must(os.Chmod(r.in("sub/deep"), 0o700))
	s := r.backup()
	// Times are left out: a and b share an inode, and the manifest has b's own.
	args := []string{"-aHAXnc", "--no-times", "--itemize-changes", "--delete", r.source + "/", s.Path + "/"}
	if out, err := exec.Command("rsync", args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("rsync finds differences (%v):\n%s", err, out)
	}
}
