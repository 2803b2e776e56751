package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"phlb/engine/manifest"
	"phlb/engine/store/deletion"
)

// removeAll removes snapshots, and returns how many files it has deleted and
// what that has set free.
func removeAll(t testing.TB, r *Root, refs ...Ref) (deleted int64, freed deletion.Freed) {
	t.Helper()
	bin, err := r.OpenTrash(t.Context(), Owner{Who: "me"})
	must(t, err)
	bin.deleters = 1 // all by who calls it, see TestKillRemoval
	for _, ref := range refs {
		must(t, bin.Discard(ref))
	}
	var n atomic.Int64
	freed, err = bin.Empty(t.Context(), &n)
	must(t, err)
	must(t, bin.Close())
	return n.Load(), freed
}

// Several who delete names of one file at a time tell once that it is free.
func TestFreedOnce(t *testing.T) {
	const folders, shared = 40, 25
	r := newRoot(t)
	p := begin(t, r, "1")
	for i := range folders {
		d, err := p.Tree.Mkdir(fmt.Sprint(i))
		must(t, err)
		put(t, d, "own", "12345")
		for j := range shared {
			name := fmt.Sprint(j)
			if i == 0 {
				put(t, d, name, "123")
				continue
			}
			first, err := p.Tree.Open("0")
			must(t, err)
			must(t, d.Link(first, name, name))
			first.Close()
		}
		d.Close()
	}
	ref := sealIt(t, p)
	must(t, os.Link(filepath.Join(r.SnapshotPath(ref), "0/0"), filepath.Join(r.Path, "docs", "kept")))
	bin, err := r.OpenTrash(t.Context(), Owner{Who: "me"})
	must(t, err)
	must(t, bin.Discard(ref))
	var deleted atomic.Int64
	freed, err := bin.Empty(t.Context(), &deleted)
	must(t, err)
	must(t, bin.Close())
	if want := (deletion.Freed{Files: folders + shared - 1, Bytes: 5*folders + 3*(shared-1)}); freed != want || deleted.Load() != folders*(shared+1) {
		t.Errorf("%d files are deleted and %v freed, want %v", deleted.Load(), freed, want)
	}
}

// What others have left goes too, and is not counted, also where it is of the
// same stamp and shares its files with what is removed.
func TestFreedBesideLeftovers(t *testing.T) {
	r := newRoot(t)
	first := snapshot(t, r, "1")
	snapshot(t, r, "2")
	bin, err := r.OpenTrash(t.Context(), Owner{Who: "one who is killed"})
	must(t, err)
	must(t, bin.Discard(first))
	must(t, bin.Close())

	p := begin(t, r, "1")
	left, err := r.dir.Descend("docs/" + removed + first.Stamp)
	must(t, err)
	defer left.Close()
	fill(t, p, 100)
	must(t, p.Tree.Replace(left, "a", "a"))
	p.Older = true
	deleted, freed := removeAll(t, r, sealIt(t, p))
	if want := (deletion.Freed{Files: 1, Bytes: int64(len("content of b in 1"))}); freed != want || deleted != 2 {
		t.Errorf("%d files are deleted and %v freed, want %v", deleted, freed, want)
	}
	wantList(t, r, files("2")...)
}

// binned returns where a snapshot lies in the trash.
func binned(r *Root, ref Ref) string { return filepath.Join(r.Path, ref.Name, removed+ref.Stamp) }

// A snapshot that others delete at the same time is no error, nor is a removal
// that is told to stop the last word.
func TestEmptyMeanwhile(t *testing.T) {
	r := newRoot(t)
	ref := snapshot(t, r, "1")
	bin, err := r.OpenTrash(t.Context(), Owner{Who: "me"})
	must(t, err)
	must(t, bin.Discard(ref))
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := bin.Empty(stopped, new(atomic.Int64)); !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
	if _, err := os.Lstat(r.SnapshotPath(bin.own[0])); err != nil {
		t.Error("what was told to stop has deleted")
	}
	must(t, eraseAt(r.SnapshotPath(bin.own[0])))
	also := snapshot(t, r, "2")
	must(t, eraseAt(r.SnapshotPath(also)))
	must(t, bin.Discard(also))
	wantList(t, r, latest)
	if freed, err := bin.Empty(t.Context(), new(atomic.Int64)); err != nil || freed.Files != 0 {
		t.Errorf("nothing to delete: %v, %v", freed, err)
	}
	must(t, bin.Close())
}

// TestDiscardAside has what was discarded before in the way, until names are too
// long to give way.
func TestDiscardAside(t *testing.T) {
	r := newRoot(t)
	ref := snapshot(t, r, strings.Repeat("s", 255-len(manifest.Suffix)))
	trash, err := r.OpenTrash(t.Context(), Owner{Who: "me"})
	must(t, err)
	defer trash.Close()
	for name := ref.Stamp; len(removed+name) <= 255; name += aside {
		must(t, os.MkdirAll(binned(r, Ref{ref.Name, name}), 0o700))
	}
	if err := trash.Discard(ref); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("discarded: %v", err)
	}
	wantWhole(t, r, ref)
}
