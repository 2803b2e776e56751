package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"phlb/engine/manifest"
)

func TestSeal(t *testing.T) {
	r := newRoot(t)
	p := begin(t, r, "2026-11-22-104500")
	if p.Previous != nil {
		t.Error("there is something to take over")
	}
	wantList(t, r, "2026-11-22-104500.partial")
	fill(t, p, 100)
	if sealed, err := r.Sealed("docs"); err != nil || len(sealed) > 0 {
		t.Errorf("sealed before the seal: %v, %v", sealed, err)
	}
	ref := sealIt(t, p)
	wantList(t, r, files(ref.Stamp)...)
	wantWhole(t, r, ref)
	wantLatest(t, r, ref.Stamp)
	wantMtime(t, r.SnapshotPath(ref), moment)
	wantMtime(t, filepath.Join(r.SnapshotPath(ref), "d"), moment)

	older := begin(t, r, "2026-11-22-090000")
	older.Older = true
	fill(t, older, 100)
	wantWhole(t, r, sealIt(t, older))
	wantLatest(t, r, ref.Stamp)
}

// TestSealIsPrivate lets nobody else read what tells of directories that are
// closed to him, however open the top of the tree is.
func TestSealIsPrivate(t *testing.T) {
	r := newRoot(t)
	private := func(stamp string) {
		t.Helper()
		for _, suffix := range []string{manifest.Suffix, logSuffix} {
			info, err := os.Stat(r.SnapshotPath(Ref{"docs", stamp}) + suffix)
			must(t, err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s%s has mode %v", stamp, suffix, info.Mode())
			}
		}
	}
	p := begin(t, r, "made")
	must(t, p.Tree.Finish(entry(manifest.Dir, 0o755)))
	sealIt(t, p)
	private("made")
	must(t, os.Mkdir(filepath.Join(r.Path, "docs/adopted"), 0o755))
	must(t, os.WriteFile(filepath.Join(r.Path, "docs/adopted.log"), nil, 0o644))
	p, err := r.Adopt(Ref{"docs", "adopted"})
	must(t, err)
	sealIt(t, p)
	private("adopted")
}

func TestSealCancelled(t *testing.T) {
	r := newRoot(t)
	p := begin(t, r, "1")
	fill(t, p, 100)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	if err := p.Seal(ctx); err != why {
		t.Errorf("a cancelled seal: %v", err)
	}
	wantList(t, r, "1.partial")
}

func TestSameStamp(t *testing.T) {
	r := newRoot(t)
	var stamps []string
	for _, want := range []string{"1", "1-2", "1-3"} {
		ref := snapshot(t, r, "1")
		if ref.Stamp != want {
			t.Errorf("stamp %q, want %q", ref.Stamp, want)
		}
		stamps = append(stamps, ref.Stamp)
		wantLatest(t, r, want)
	}
	for _, s := range stamps {
		wantWhole(t, r, Ref{"docs", s})
	}
	// What is left of a snapshot that somebody removed by hand is not written over.
	must(t, os.Rename(r.SnapshotPath(Ref{"docs", "1-2"}), filepath.Join(r.Path, "away")))
	if ref := snapshot(t, r, "1"); ref.Stamp != "1-4" {
		t.Errorf("stamp %q, want 1-4", ref.Stamp)
	}
}

func TestBeginRefuses(t *testing.T) {
	r := newRoot(t)
	for _, name := range []string{"", "..", "a/b", ".phlb"} {
		if _, err := r.Begin(name, "1"); !errors.Is(err, ErrName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, stamp := range []string{"", ".", "..", "a/b", "1.partial", "latest", ".1"} {
		_, err := r.Begin("docs", stamp)
		if err == nil || !strings.Contains(err.Error(), "snapshot_format") {
			t.Errorf("stamp %q: %v", stamp, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(r.Path, "docs")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(r.Path, "file"), nil, 0o644))
	if _, err := r.Begin("file", "1"); err == nil || !strings.Contains(err.Error(), "begin file") {
		t.Errorf("a file in the name's place: %v", err)
	}
}

// previous tells which cut-off run p takes over, by its file a.
func previous(t *testing.T, p *Partial) string {
	t.Helper()
	if p.Previous == nil {
		return ""
	}
	f, err := p.Previous.Tree.Read("a")
	must(t, err)
	defer f.Close()
	b := make([]byte, 100)
	n, err := f.Read(b)
	must(t, err)
	return strings.TrimPrefix(string(b[:n]), "content of a in ")
}

func TestTakeOver(t *testing.T) {
	r := newRoot(t)
	cutOff(t, r, "1", 100)
	p := begin(t, r, "2")
	wantList(t, r, "2.partial")
	if got := previous(t, p); got != "1" {
		t.Errorf("takes over %q, want 1", got)
	}
	if info, err := p.Previous.Manifest.Stat(); err != nil || info.Size() != 100 {
		t.Errorf("manifest of the one before: %v, %v", info, err)
	}
	put(t, p.Scratch, "copy-0", "scratch")
	_, err := p.Manifest.WriteString("short")
	must(t, err)
	p.Close()

	// The one that got further is kept, not the last.
	p = begin(t, r, "3")
	wantList(t, r, "3.partial")
	if got := previous(t, p); got != "1" {
		t.Errorf("takes over %q, want 1", got)
	}
	if names, err := p.Scratch.Names(); err != nil || len(names) != 4 {
		t.Errorf("the partial holds %q, %v", names, err)
	}
	fill(t, p, 200)
	p.Close()
	p = begin(t, r, "3") // by the same stamp
	if got := previous(t, p); got != "3" {
		t.Errorf("takes over %q, want 3", got)
	}
	fill(t, p, 1)
	wantWhole(t, r, sealIt(t, p))
	wantList(t, r, files("3")...)
}

// TestStrayPartials has more than one, which no run leaves.
func TestStrayPartials(t *testing.T) {
	r := newRoot(t)
	for _, stamp := range []string{"2", "1", "3"} {
		cutOff(t, r, stamp, 50)
		must(t, os.Rename(filepath.Join(r.Path, "docs"), filepath.Join(r.Path, "docs-"+stamp)))
	}
	must(t, os.Mkdir(filepath.Join(r.Path, "docs"), 0o755))
	for _, stamp := range []string{"1", "2", "3"} {
		must(t, os.Rename(filepath.Join(r.Path, "docs-"+stamp, stamp+".partial"), filepath.Join(r.Path, "docs", stamp+".partial")))
	}
	p := begin(t, r, "1")
	wantList(t, r, "1.partial")
	if got := previous(t, p); got != "3" {
		t.Errorf("takes over %q, want 3", got)
	}
}

// TestSealByAnother has manifests that are called after another algorithm.
func TestSealByAnother(t *testing.T) {
	r := newRoot(t)
	sealBy := func(stamp string) Ref {
		t.Helper()
		p := begin(t, r, stamp)
		p.Hash = manifest.SHA512
		fill(t, p, 100)
		return sealIt(t, p)
	}
	names := func(stamp string) []string { return []string{stamp, stamp + ".log", stamp + ".sha512.gz", latest} }
	ref := sealBy("1")
	wantList(t, r, names("1")...)
	wantWhole(t, r, ref)
	if !r.HasManifest(ref) || !strings.HasSuffix(r.ManifestPath(ref), "1.sha512.gz") {
		t.Errorf("the manifest is %s", r.ManifestPath(ref))
	}
	// Another one beside it, which an older phlb has made, does not count.
	must(t, os.WriteFile(r.SnapshotPath(ref)+manifest.Suffix, nil, 0o600))
	f, err := r.OpenManifest(ref)
	must(t, err)
	if !strings.HasSuffix(f.Name(), "1.sha512.gz") || !strings.HasSuffix(r.ManifestPath(ref), "1.sha512.gz") {
		t.Errorf("opened %s, the manifest is %s", f.Name(), r.ManifestPath(ref))
	}
	must(t, f.Close())
	sealed, err := r.Sealed("docs")
	if err != nil || len(sealed) != 1 || sealed[0] != ref {
		t.Errorf("sealed are %v, %v", sealed, err)
	}
	for what, list := range map[string]func(string) ([]string, error){
		"strays": r.Strays,
		"adoptable": func(name string) (found []string, err error) {
			refs, err := r.Adoptable(name)
			for _, ref := range refs {
				found = append(found, ref.Stamp)
			}
			return found, err
		},
	} {
		if found, err := list("docs"); err != nil || len(found) > 0 {
			t.Errorf("%s are %q, %v", what, found, err)
		}
	}

	// A manifest keeps its stamp taken, also without a tree.
	must(t, os.Rename(r.SnapshotPath(ref), filepath.Join(r.Path, "away")))
	must(t, os.Remove(r.LogPath(ref)))
	if next := sealBy("1"); next.Stamp != "1-2" {
		t.Errorf("stamp %q, want 1-2", next.Stamp)
	}
	must(t, os.Rename(filepath.Join(r.Path, "away"), r.SnapshotPath(ref)))

	// It goes with its snapshot.
	trash, err := r.OpenTrash(t.Context(), Owner{Who: "test", Host: "here"})
	must(t, err)
	must(t, trash.Discard(ref))
	_, err = trash.Empty(t.Context(), new(atomic.Int64))
	must(t, errors.Join(err, trash.Close()))
	wantList(t, r, names("1-2")...)

	// A seal that was cut off after the manifest got its name is completed.
	p := begin(t, r, "3")
	fill(t, p, 100)
	p.Close()
	must(t, os.Rename(filepath.Join(pathOf(p), logName), r.LogPath(p.Ref)))
	must(t, os.Rename(filepath.Join(pathOf(p), manifestName), r.SnapshotPath(p.Ref)+manifest.SHA512.Suffix()))
	begin(t, r, "4")
	wantWhole(t, r, Ref{"docs", "3"})
	wantLatest(t, r, "3")
	if _, err := r.OpenManifest(Ref{"docs", "none"}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), manifest.Suffix) {
		t.Errorf("a manifest that is not there: %v", err)
	}
}
