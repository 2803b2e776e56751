package walk

import (
	"path/filepath"
	"testing"

	"phlb/engine/handle"
	"phlb/engine/manifest"
)

// Where a file system has no numbers for its files, no folder is the one that is
// left out, and no two names are those of one file.
func TestUnknownIdentity(t *testing.T) {
	t.Parallel()
	l := &lister{walk: &Walk{Rules: Rules{Exclude: []ID{{}, {Dev: 1, Inode: 2}}}}}
	for _, test := range []struct {
		id   ID
		want bool
	}{{ID{}, false}, {ID{Dev: 1}, false}, {ID{1, 2}, true}, {ID{1, 3}, false}, {ID{2, 2}, false}} {
		f := &Folder{}
		f.Dev, f.Inode = test.id.Dev, test.id.Inode
		if got := l.excluded(f); got != test.want {
			t.Errorf("%v: left out: %v", test.id, got)
		}
	}
	e, err := entry(handle.Inode{Kind: manifest.File, Links: 2}, nil)
	if err != nil || e.Nlink != 1 {
		t.Errorf("a file without a number has %d names, %v", e.Nlink, err)
	}
}

// A folder that is left out is that one alone.
func TestExcludeOneFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	grow(t, root, "top", "in/f", "out/f", "out/below/f", "with/below/f")
	out, err := OpenRoot(filepath.Join(root, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	self, err := out.Stat()
	if err != nil {
		t.Fatal(err)
	}
	found := gather(t, &Walk{Root: root, Rules: Rules{Exclude: []ID{self.ID()}}})
	wantPaths(t, found, ".", "top", "in", "in/f", "with", "with/below", "with/below/f")
}
