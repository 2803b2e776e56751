package engine_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/manifest"
)

// entry returns what a snapshot holds at a path.
func (r *repo) entry(s *engine.Snapshot, path string) *manifest.Entry {
	r.Helper()
	f, err := r.engine().Folder(context.Background(), s, path, false)
	r.must(err)
	if f.Own == nil {
		r.Fatalf("%s does not hold %q", s.Ref(), path)
	}
	return f.Own
}

// readOnly returns an engine that looks and changes nothing.
func (r *repo) readOnly() *engine.Engine {
	return engine.Open(r.config, engine.Environment{
		Host: "testhost", Boot: r.boot, Owner: "test", Home: "/home/nobody", TempDir: os.TempDir(), Now: r.now,
		Log: slog.NewTextHandler(r.log, nil), ReadOnly: true,
	})
}

// archived returns an archive.
func (r *repo) archived(s *engine.Snapshot, what engine.Selection, format engine.Format) []byte {
	r.Helper()
	var b bytes.Buffer
	r.must(r.engine().Archive(context.Background(), s, what, format, &b))
	return b.Bytes()
}

// TestArchiveTar unpacks a folder and holds it against the source.
func TestArchiveTar(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"tar", "rsync"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: apt-get install %s", tool, tool)
		}
	}
	r := newRepo(t)
	r.write("letters/a", "one", "letters/deep/b", "two", "letters/deep/same", "one", "lettersX/c", "no", "top", "x")
	r.write("letters/caf\xe9", "latin", "letters/new\nline", "n", "letters/<script>", "s")
	r.must(os.Link(r.in("letters/a"), r.in("letters/hard")))
	r.must(os.Symlink("../top", r.in("letters/link")))
	r.must(os.Chmod(r.in("letters/deep/b"), 0o4711))
	r.must(os.Mkdir(r.in("letters/empty"), 0o700))
	r.must(os.Chtimes(r.in("letters/deep/same"), time.Time{}, time.Unix(1_600_000_000, 123_456_789)))
	r.must(os.Chtimes(r.in("letters/deep"), time.Time{}, time.Unix(1_500_000_000, 5)))
	s := r.backup()
	// Content is shared, and the metadata of another path must not come along.
	out := t.TempDir()
	unpack := exec.Command("tar", "-xpf", "-", "-C", out)
	unpack.Stdin = bytes.NewReader(r.archived(s, engine.Selection{Folder: "letters"}, engine.Tar))
	if text, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, text)
	}
	if text, err := exec.Command("diff", "-r", "--no-dereference", r.in("letters"), out+"/letters").CombinedOutput(); err != nil {
		t.Errorf("diff: %v: %s", err, text)
	}
	text, err := exec.Command("rsync", "-anH", "--delete", "--itemize-changes", r.in("letters")+"/", out+"/letters/").CombinedOutput()
	if err != nil || len(text) > 0 {
		t.Errorf("rsync finds a difference: %v: %s", err, text)
	}
}

func TestArchiveSelection(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("d/a", "one", "d/b", "two", "d/sub/c", "three", "d/other/x", "no", "e", "four")
	s := r.backup()
	for _, c := range []struct {
		what engine.Selection
		want string
	}{
		{engine.Selection{Folder: "d", Names: []string{"b", "sub"}}, "b sub/ sub/c"},
		{engine.Selection{Folder: "d/sub"}, "sub/ sub/c"},
		{engine.Selection{Folder: ".", Names: []string{"e"}}, "e"},
		{engine.Selection{Folder: "."}, "N/ N/e N/d/ N/d/a N/d/b N/d/other/ N/d/other/x N/d/sub/ N/d/sub/c"},
	} {
		var names []string
		for in := tar.NewReader(bytes.NewReader(r.archived(s, c.what, engine.Tar))); ; {
			h, err := in.Next()
			if err == io.EOF {
				break
			}
			r.must(err)
			names = append(names, h.Name)
		}
		want := strings.ReplaceAll(c.want, "N/", s.Name+"-"+s.Stamp+"/")
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%+v: %s, not %s", c.what, got, want)
		}
		zipped := r.archived(s, c.what, engine.Zip)
		in, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
		r.must(err)
		names = nil
		for _, f := range in.File {
			names = append(names, f.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("zip of %+v: %s, not %s", c.what, got, want)
		}
	}
	for _, what := range []engine.Selection{{Folder: "missing"}, {Folder: "d", Names: []string{"no"}}, {Folder: "../etc"}, {Folder: "/etc"}} {
		if err := r.engine().Archive(context.Background(), s, what, engine.Tar, io.Discard); !errors.Is(err, engine.ErrNotHeld) {
			t.Errorf("%+v: %v", what, err)
		}
	}
}

// TestOpenFile reads files that are what they should be, and others.
func TestOpenFile(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("d/a", "content", "d/copy", "content", "d/alone", "only here", "d/empty", "")
	s := r.backup()
	read := func(path string) (string, string, error) {
		c, err := r.engine().OpenFile(context.Background(), s, r.entry(s, path))
		if err != nil {
			return "", "", err
		}
		defer c.Close()
		text, err := io.ReadAll(c)
		return string(text), c.From, err
	}
	for _, path := range []string{"d/a", "d/empty", "d/alone"} {
		want, err := os.ReadFile(r.in(path))
		r.must(err)
		if text, from, err := read(path); text != string(want) || from != "" || err != nil {
			t.Errorf("%s: %q, %q, %v", path, text, from, err)
		}
	}

	// A symbolic link in the place of a file or of a folder leads nowhere.
	secret := filepath.Join(t.TempDir(), "alone")
	r.must(os.WriteFile(secret, []byte("only here"), 0o644))
	r.must(os.Remove(filepath.Join(s.Path, "d/alone")))
	r.must(os.Symlink(secret, filepath.Join(s.Path, "d/alone")))
	if text, _, err := read("d/alone"); !errors.Is(err, engine.ErrRotten) {
		t.Errorf("through a link: %q, %v", text, err)
	}
	r.must(os.Rename(filepath.Join(s.Path, "d"), filepath.Join(s.Path, "was")))
	r.must(os.Symlink("was", filepath.Join(s.Path, "d")))
	if text, _, err := read("d/a"); !errors.Is(err, engine.ErrRotten) {
		t.Errorf("through a linked folder: %q, %v", text, err)
	}
	r.must(os.Remove(filepath.Join(s.Path, "d")))
	r.must(os.Rename(filepath.Join(s.Path, "was"), filepath.Join(s.Path, "d")))

	// What is gone is taken from another path that has the content.
	r.must(os.Remove(filepath.Join(s.Path, "d/a")))
	if text, from, err := read("d/a"); text != "content" || !strings.HasSuffix(from, "d/copy") || err != nil {
		t.Errorf("in the place of what is gone: %q, %q, %v", text, from, err)
	}
	if log := r.log.take(); !strings.Contains(log, "another with the same content") {
		t.Errorf("log: %s", log)
	}
}

// TestOpenRotten reads a file that looks right and is not.
func TestOpenRotten(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("d/alone", strings.Repeat("x", 100_000))
	s := r.backup()
	e := r.entry(s, "d/alone")
	file := filepath.Join(s.Path, "d/alone")
	r.must(os.WriteFile(file, []byte(strings.Repeat("y", 100_000)), 0o644))
	r.must(os.Chtimes(file, time.Time{}, e.Mtime.Time()))
	c, err := r.engine().OpenFile(context.Background(), s, e)
	r.must(err)
	defer c.Close()
	text, err := io.ReadAll(c)
	if !errors.Is(err, engine.ErrRotten) || len(text) >= 100_000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	// From its middle, nothing can be told.
	_, err = c.Seek(50_000, io.SeekStart)
	r.must(err)
	if text, err := io.ReadAll(c); err != nil || len(text) != 50_000 {
		t.Errorf("from the middle: %d bytes, %v", len(text), err)
	}
	if err := r.engine().Archive(context.Background(), s, engine.Selection{Folder: "d"}, engine.Zip, io.Discard); !errors.Is(err, engine.ErrRotten) {
		t.Errorf("in an archive: %v", err)
	}
}

func TestFolderMarks(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("d/same", "1", "d/changed", "2", "d/gone", "3", "d/sub/deep", "4", "d/mode", "5", "d/still/x", "6")
	first := r.backup()
	r.must(os.Remove(r.in("d/gone")))
	r.write("d/changed", "two", "d/added", "new", "d/sub/deep", "four")
	r.must(os.Chmod(r.in("d/mode"), 0o400))
	second := r.backup()
	f, err := r.engine().Folder(context.Background(), second, "d", false)
	r.must(err)
	var got []string
	for _, e := range f.Entries {
		mark := e.Name() + ":" + e.What
		if e.Below != nil && e.Below.Begun+e.Below.Ended > 0 {
			mark += "below"
		}
		got = append(got, mark)
	}
	want := []string{"added:added", "changed:changed", "gone:removed", "mode:metadata", "same:", "still:", "sub:below"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	if f.Before.Stamp != first.Stamp || len(f.Steps) != 2 || f.Steps[1].Begun != 4 || f.Steps[1].Ended != 4 {
		t.Errorf("steps: %+v", f.Steps[1].Turnover)
	}
	f, err = r.engine().Folder(context.Background(), first, "d", false)
	r.must(err)
	for _, e := range f.Entries {
		if e.What != "" || path.Base(e.Path) == "added" {
			t.Errorf("in the first: %s %q", e.Path, e.What)
		}
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("docs/Thesis.odt", "1", "docs/thesis.bak", strings.Repeat("x", 1000), "docs/Über", "3", "old", "4")
	first := r.backup()
	r.must(os.Remove(r.in("docs/thesis.bak")))
	r.write("docs/Thesis.odt", "longer", "old", "44")
	r.backup()
	for _, c := range []struct {
		search engine.Search
		want   string
	}{
		{engine.Search{Text: "thesis"}, "docs/Thesis.odt docs/thesis.bak"},
		{engine.Search{Text: "thesis", Gone: true}, "docs/thesis.bak"},
		{engine.Search{Text: "OLD", Gone: true}, ""},
		{engine.Search{Text: "*.odt"}, "docs/Thesis.odt"},
		{engine.Search{Text: "über"}, "docs/Über"},
		{engine.Search{MinSize: 500}, "docs/thesis.bak"},
		{engine.Search{Text: "o", MaxSize: 1}, "docs/Thesis.odt docs/Über old"},
		{engine.Search{Text: "o", Name: "elsewhere"}, ""},
		{engine.Search{After: time.Now().Add(time.Hour)}, ""},
		{engine.Search{Before: time.Now().Add(-time.Hour)}, ""},
	} {
		found, more, err := r.engine().Search(context.Background(), c.search)
		r.must(err)
		var names []string
		for _, f := range found {
			names = append(names, f.Path)
		}
		if got := strings.Join(names, " "); got != c.want || more {
			t.Errorf("%+v: %q, not %q", c.search, got, c.want)
		}
	}
	found, _, err := r.engine().Search(context.Background(), engine.Search{Text: "thesis.bak"})
	r.must(err)
	if len(found) != 1 || found[0].Last.Stamp != first.Stamp {
		t.Errorf("%+v", found)
	}
	if found, more, _ := r.engine().Search(context.Background(), engine.Search{Text: "o", Versions: 2}); !more || len(found) == 0 {
		t.Errorf("%d found, more: %v", len(found), more)
	}
}

// TestReadOnly asks all that can be asked, and looks that nothing under the root
// has become another, not even for a moment.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "d/b", "2")
	s := r.backup()
	r.must(os.Remove(filepath.Join(r.root, ".phlb/catalog.ql"))) // so that it is behind
	look := func() string {
		var b strings.Builder
		r.must(filepath.WalkDir(r.root, func(path string, d fs.DirEntry, err error) error {
			r.must(err)
			i, err := d.Info()
			r.must(err)
			b.WriteString(path + " " + i.ModTime().String() + "\n")
			return nil
		}))
		return b.String()
	}
	before := look()
	ctx := context.Background()
	e := r.readOnly()
	all, err := e.Snapshots(ctx, "")
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	_, err = e.Folder(ctx, s, ".", false)
	r.must(err)
	_, err = e.Stat(ctx, s)
	r.must(err)
	_, _, err = e.Search(ctx, engine.Search{})
	r.must(err)
	_, err = e.Locks()
	r.must(err)
	_, err = e.Doctor(ctx)
	r.must(err)
	r.must(e.Archive(ctx, s, engine.Selection{Folder: "."}, engine.Tar, io.Discard))
	if after := look(); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
	if _, err := e.Backup(ctx, engine.Source{Root: r.source}); !errors.Is(err, engine.ErrReadOnly) {
		t.Errorf("a backup: %v", err)
	}
	if _, err := e.Remove(ctx, s); !errors.Is(err, engine.ErrReadOnly) {
		t.Errorf("a removal: %v", err)
	}
	to := t.TempDir()
	if _, err := e.Restore(ctx, s, engine.Restoration{To: to}); err != nil {
		t.Errorf("a restore: %v", err)
	}
	if text, err := os.ReadFile(to + "/d/b"); string(text) != "2" {
		t.Errorf("restored: %q, %v", text, err)
	}
}
