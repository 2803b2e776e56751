package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"phlb/engine/manifest"
	"phlb/engine/store/deletion"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newRoot makes a backup root that is closed with the test.
func newRoot(t testing.TB) *Root {
	t.Helper()
	r, err := Create(t.TempDir())
	must(t, err)
	t.Cleanup(func() {
		r.Close()
		eraseAt(r.Path) // holds directories that the testing package cannot enter
	})
	return r
}

// eraseAt deletes what lies at path.
func eraseAt(path string) error {
	parent, err := OpenDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	return deletion.Erase(parent, filepath.Base(path))
}

// moment is the time that what tests make was last changed.
var moment = manifest.Time{Sec: 1_000_000_000, Nsec: 123_456_789}

// entry returns one with the metadata of the process, such as an ordinary user
// can give.
func entry(kind manifest.Kind, mode uint32) *manifest.Entry {
	e := &manifest.Entry{Kind: kind, Mtime: moment}
	e.Permissions = manifest.Permissions{Mode: mode, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	return e
}

// put makes a finished file of that content.
func put(t testing.TB, d *Dir, name, content string) {
	t.Helper()
	f, err := d.Create(name)
	must(t, err)
	_, err = f.Write([]byte(content))
	must(t, err)
	must(t, f.Finish(entry(manifest.File, 0o644)))
	must(t, f.Close())
}

// fill writes a tree of two files, and as much manifest as asked for.
func fill(t testing.TB, p *Partial, manifestBytes int) {
	t.Helper()
	put(t, p.Tree, "a", "content of a in "+p.Stamp)
	d, err := p.Tree.Mkdir("d")
	must(t, err)
	put(t, d, "b", "content of b in "+p.Stamp)
	must(t, d.Finish(entry(manifest.Dir, 0o555)))
	d.Close()
	must(t, p.Tree.Finish(entry(manifest.Dir, 0o755)))
	_, err = p.Manifest.WriteString(strings.Repeat("m", manifestBytes))
	must(t, err)
	_, err = p.Log.WriteString("log of " + p.Stamp)
	must(t, err)
}

// sealIt closes what a seal wants closed, and seals.
func sealIt(t testing.TB, p *Partial) Ref {
	t.Helper()
	must(t, p.Manifest.Close())
	must(t, p.Log.Close())
	must(t, p.Sync())
	must(t, p.Seal(t.Context()))
	p.Close()
	return p.Ref
}

func begin(t testing.TB, r *Root, stamp string) *Partial {
	t.Helper()
	p, err := r.Begin("docs", stamp)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

// snapshot seals one of two files.
func snapshot(t testing.TB, r *Root, stamp string) Ref {
	t.Helper()
	p := begin(t, r, stamp)
	fill(t, p, 100)
	return sealIt(t, p)
}

// cutOff leaves a partial behind.
func cutOff(t testing.TB, r *Root, stamp string, manifestBytes int) {
	t.Helper()
	p := begin(t, r, stamp)
	fill(t, p, manifestBytes)
	p.Close()
}

// list returns what lies in the folder of the name docs.
func list(t testing.TB, r *Root) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.Path, "docs"))
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantList(t testing.TB, r *Root, want ...string) {
	t.Helper()
	got := list(t, r)
	if i := slices.Index(got, latestText); i >= 0 && runtime.GOOS == "windows" {
		got[i] = latest
	}
	if !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// files returns the names of all that belongs to sealed snapshots.
func files(stamps ...string) (names []string) {
	for _, s := range stamps {
		names = append(names, s, s+".log", s+".sha256.gz")
	}
	return append(names, latest)
}

func wantContent(t testing.TB, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
}

func wantLatest(t testing.TB, r *Root, want string) {
	t.Helper()
	got, err := os.Readlink(filepath.Join(r.Path, "docs", latest))
	if err != nil && runtime.GOOS == "windows" { // where not everybody may make one
		var text []byte
		text, err = os.ReadFile(filepath.Join(r.Path, "docs", latestText))
		got = strings.TrimSpace(string(text))
	}
	if err != nil || got != want {
		t.Errorf("latest is %q, %v; want %q", got, err, want)
	}
}

// wantWhole checks a snapshot that fill has made.
func wantWhole(t testing.TB, r *Root, ref Ref) {
	t.Helper()
	tree := r.SnapshotPath(ref)
	wantContent(t, filepath.Join(tree, "a"), "content of a in "+ref.Stamp)
	wantContent(t, filepath.Join(tree, "d/b"), "content of b in "+ref.Stamp)
	wantContent(t, r.LogPath(ref), "log of "+ref.Stamp)
	if info, err := os.Stat(r.ManifestPath(ref)); err != nil || info.Size() == 0 {
		t.Errorf("manifest of %s: %v, %v", ref, info, err)
	}
}

func wantMtime(t testing.TB, path string, want manifest.Time) {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	if runtime.GOOS == "windows" {
		want.Nsec -= want.Nsec % 100 // finer it has none
	}
	if got := manifest.TimeOf(info.ModTime()); got != want {
		t.Errorf("%s was last changed at %v, want %v", path, got.Time().Format(time.RFC3339Nano), fmt.Sprint(want))
	}
}

// pathOf returns the path of a partial that [Root.Begin] has made.
func pathOf(p *Partial) string { return p.root.SnapshotPath(p.Ref) + partialSuffix }
