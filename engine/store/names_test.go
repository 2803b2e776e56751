package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWindowsNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"CON", "con", "Aux.txt", "nul.tar.gz", "com1", "LPT9.log", "COM²", "con .txt", "CONIN$",
		"x.", "x ", "a:b", `a"b`, "a|b", "a?b", "a*b", "a<b", "a>b", "a\tb",
	} {
		if err := checkWindowsName(name); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"documents", "console", "com", "com10", "nul-", "x.y", " x", "ünï", "aux-files"} {
		if err := checkWindowsName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Where a file system takes two names for one, a backup has the one that its folder
// has.
func TestFolderOfAnotherName(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	must(t, os.Mkdir(filepath.Join(r.Path, "Docs"), 0o700))
	must(t, r.CheckFolder("Docs"))
	must(t, r.CheckFolder("other"))
	_, err := os.Stat(filepath.Join(r.Path, "docs"))
	if folds := err == nil; !folds {
		must(t, r.CheckFolder("docs"))
		return
	}
	if err := r.CheckFolder("docs"); err == nil || !strings.Contains(err.Error(), "Docs") {
		t.Errorf("docs beside Docs: %v", err)
	}
}
