package walk

import (
	"os"
	"path/filepath"
	"phlb/engine/testenv"
	"testing"
)

func TestOneFileSystem(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	grow(t, dir, "a/below/", "a/f", "mnt/", "z/f")
	at := filepath.Join(dir, "mnt")
	testenv.Mount(t, "-t", "tmpfs", "-o", "size=1m,mode=700", "none", at)
	grow(t, dir, "mnt/d/f", "mnt/g")

	wantPaths(t, gather(t, &Walk{Root: dir}), ".", "a", "a/f", "a/below", "mnt", "mnt/g", "mnt/d", "mnt/d/f", "z", "z/f")

	got := gather(t, &Walk{Root: dir, Rules: Rules{OneFileSystem: true}})
	wantNoErrors(t, got)
	wantPaths(t, got, ".", "a", "a/f", "a/below", "mnt", "z", "z/f")
	if e := got.entry(t, "mnt"); e.Dev == got.entries[0].Dev || e.Mode != 0o700 {
		t.Errorf("the mount point is %+v", e)
	}

	// The root may be a mount point itself, also by a link.
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(at, link))
	got = gather(t, &Walk{Root: link, Rules: Rules{OneFileSystem: true}})
	wantPaths(t, got, ".", "g", "d", "d/f")
}
