//go:build unix

package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestPassedOver has files that must not be obeyed, or not even be opened.
func TestPassedOver(t *testing.T) {
	const foreign = 12
	top := t.TempDir()
	deep := filepath.Join(top, "a", "b", "c")
	mine := write(t, "match = 'exact'", top, FileName)
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	in := func(folder string) string { return filepath.Join(top, folder, FileName) }
	var passed []string
	s := Sources{Dir: deep, Home: top, PassedOver: func(e *Error) {
		kind, _, _ := strings.Cut(strings.TrimPrefix(e.Reason, "it is passed over, since it "), ":")
		passed = append(passed, strings.TrimPrefix(e.Origin, top)+" "+kind)
	}}
	check := func(path string, want ...string) {
		t.Helper()
		passed = nil
		if found, err := Find(s); found != path || err != nil {
			t.Errorf("found %q, %v; want %q", found, err, path)
		}
		if !slices.Equal(passed, want) {
			t.Errorf("passed over %q, want %q", passed, want)
		}
	}
	if err := syscall.Mkfifo(in("a/b/c"), 0o644); err != nil {
		t.Fatal(err)
	}
	const fifo = "/a/b/c/" + FileName + " is no regular file"
	check(mine, fifo)
	if err := os.Symlink(in("a/b/c"), in("a/b")); err != nil {
		t.Fatal(err)
	}
	check(mine, fifo, "/a/b/"+FileName+" is no regular file")
	if err := os.Remove(in("a/b")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(mine, in("a/b")); err != nil {
		t.Fatal(err)
	}
	check(in("a/b"), fifo)

	if os.Getuid() != 0 {
		t.Skip("the rest needs root")
	}
	chown := func(path string) {
		if err := os.Lchown(path, foreign, foreign); err != nil {
			t.Fatal(err)
		}
	}
	const others = " belongs neither to you nor to root"
	chown(in("a/b")) // a link of somebody else's to a file of ours
	check(mine, fifo, "/a/b/"+FileName+others)
	chown(write(t, "backup_path = '/theirs'", top, "a", FileName))
	check(mine, fifo, "/a/b/"+FileName+others, "/a/"+FileName+others)
	chown(mine)
	check("", fifo, "/a/b/"+FileName+others, "/a/"+FileName+others, "/"+FileName+others)

	// Where the user's own are is for the user to say.
	s.UserConfigDir = filepath.Join(top, "etc")
	chown(write(t, "", top, "etc", "phlb", FileName))
	check(filepath.Join(top, "etc", "phlb", FileName), passed...)
}
