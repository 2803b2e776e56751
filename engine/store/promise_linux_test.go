package store

import (
	"os"
	"path/filepath"
	"testing"

	"phlb/engine/manifest"
)

// TestSealedStaysAsItIs does everything that there is to do beside a sealed
// snapshot, and with links to what it holds.
func TestSealedStaysAsItIs(t *testing.T) {
	r := newRoot(t)
	p := begin(t, r, "1")
	kinds := map[string]*manifest.Entry{"link": entry(manifest.Symlink, 0o777), "fifo": entry(manifest.Fifo, 0o600)}
	kinds["link"].Target = "a"
	for name, e := range kinds {
		must(t, p.Tree.Make(name, e))
	}
	put(t, p.Tree, "alone", "is linked to by nobody")
	fill(t, p, 100)
	sealed := sealIt(t, p)
	path := r.SnapshotPath(sealed)
	before := prints(t, path)
	var relinked []string // once links have gone again
	check := func() {
		t.Helper()
		wantSame(t, before, prints(t, path), relinked...)
		if t.Failed() {
			t.FailNow()
		}
	}

	from, err := r.OpenSnapshot(sealed)
	must(t, err)
	defer from.Close()
	// linkAll fills a tree with links, and adds more beside them.
	linkAll := func(p *Partial) {
		for _, name := range []string{"a", "link", "fifo"} {
			must(t, p.Tree.Link(from, name, name))
		}
		d, err := p.Tree.Mkdir("d")
		must(t, err)
		defer d.Close()
		sub, err := from.Open("d")
		must(t, err)
		defer sub.Close()
		must(t, d.Link(sub, "b", "b"))
		put(t, d, "c", "content of c")
		must(t, d.Finish(entry(manifest.Dir, 0o500)))
		must(t, p.Tree.Finish(entry(manifest.Dir, 0o700)))
		_, err = p.Manifest.WriteString("manifest of links")
		must(t, err)
	}
	check()

	p = begin(t, r, "2")
	linkAll(p)
	p.Close()
	check()
	p = begin(t, r, "3") // takes the links over
	if p.Previous == nil {
		t.Fatal("nothing is taken over")
	}
	linkAll(p)
	if _, err := p.Tree.Create("a"); !os.IsExist(err) {
		t.Fatalf("a link was opened to write to: %v", err)
	}
	if err := p.Tree.Make("link", kinds["link"]); !os.IsExist(err) {
		t.Fatalf("a link was made again: %v", err)
	}
	check()
	second := sealIt(t, p)
	check()

	d, err := r.OpenSnapshot(second)
	must(t, err)
	defer d.Close()
	put(t, d, "other", "content of other")
	must(t, d.Replace(d, "other", "a"))
	must(t, d.ReplaceNew("link", entry(manifest.File, 0o600), func(f *File) error {
		_, err := f.Write([]byte("no link any more"))
		return err
	}))
	must(t, d.Remove("fifo"))
	for _, name := range []string{"a", "d/b", "link", "fifo"} {
		relinked = append(relinked, filepath.Join(path, name))
	}
	check()

	lock, err := r.LockName(t.Context(), "docs", Owner{Who: "me"}, false)
	must(t, err)
	must(t, lock.Unlock())
	again, err := Create(r.Path)
	must(t, err)
	again.Close()
	for range 2 { // a partial of links is swept, of a stamp that is there
		p = begin(t, r, "1")
		linkAll(p)
		p.Close()
	}
	must(t, eraseAt(filepath.Join(r.Path, "docs", p.Stamp+".partial")))
	must(t, eraseAt(r.SnapshotPath(second)))
	check()
	wantWhole(t, r, sealed)
}
