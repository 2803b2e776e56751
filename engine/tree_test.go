package engine_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/xattr"

	"phlb/engine"
	"phlb/engine/catalog"
	"phlb/engine/config"
	"phlb/engine/manifest"
)

// id tells inodes apart.
type id struct{ dev, ino uint64 }

// node is what a test sees of a path, by means of its own.
type node struct {
	kind   fs.FileMode
	mode   uint32
	uid    uint32
	gid    uint32
	size   int64
	mtime  manifest.Time
	target string
	rdev   uint64
	xattrs string
	digest manifest.Digest
	id     id
	links  uint64
	blocks int64
}

// like returns n without what only one inode has.
func (n node) like() node {
	n.id, n.links, n.blocks = id{}, 0, 0
	if n.kind == fs.ModeDir {
		n.size = 0
	}
	return n
}

func lstat(t testing.TB, path string) node {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	n := node{kind: info.Mode().Type(), size: info.Size(), mtime: manifest.TimeOf(info.ModTime())}
	n.system(t, path, info)
	return n
}

// look returns all of a path.
func look(t testing.TB, path string) node {
	t.Helper()
	n := lstat(t, path)
	var err error
	switch n.kind {
	case 0:
		n.digest = digestOf(t, path, manifest.SHA256)
	case fs.ModeSymlink:
		if n.target, err = os.Readlink(path); err != nil {
			t.Fatal(err)
		}
	}
	names, err := xattr.LList(path)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names {
		value, err := xattr.LGet(path, name)
		if err != nil {
			t.Fatal(err)
		}
		n.xattrs += name + "=" + string(value) + "\n"
	}
	return n
}

func digestOf(t testing.TB, path string, by manifest.Algorithm) manifest.Digest {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := by.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return manifest.SumOf(by, h)
}

// tree returns what lies below dir, by relative path; dir itself is ".".
func tree(t testing.TB, dir string) map[string]node {
	t.Helper()
	found := map[string]node{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found[relative(dir, path)] = look(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// relative is not filepath.Rel, which cleans names away.
func relative(dir, path string) string {
	if path == dir {
		return "."
	}
	return filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator)))
}

// same reports as errors where two trees differ; sharing of inodes counts only
// where the caller left id in.
func same(t testing.TB, what string, got, want map[string]node) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[path]; !ok {
			t.Errorf("%s: %q is missing", what, path)
		} else if g != want[path] {
			t.Errorf("%s: %q is\n%+v, want\n%+v", what, path, g, want[path])
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s: %q should not be there", what, path)
		}
	}
}

// readManifest returns the entries of a sealed snapshot by path.
func readManifest(t testing.TB, s *engine.Snapshot) map[string]manifest.Entry {
	t.Helper()
	m, done := (&repo{TB: t}).openManifest(s)
	defer done()
	found := map[string]manifest.Entry{}
	for e, err := range m.Entries() {
		if err != nil {
			t.Fatalf("manifest of %s: %v", s.Ref(), err)
		}
		found[e.Path] = *e
	}
	if m.Summary() == nil {
		t.Fatalf("manifest of %s is not closed", s.Ref())
	}
	return found
}

// check holds a snapshot's tree against its manifest, and its summary against
// both: what is true of every sealed snapshot at any time.
func (r *repo) check(s *engine.Snapshot) {
	r.Helper()
	entries := readManifest(r, s)
	disk := tree(r, s.Path)
	files, bytes := int64(0), int64(0)
	for path, e := range entries {
		if e.Kind == manifest.File && !e.Absent {
			files++
			bytes += e.Size
		}
		n, ok := disk[path]
		delete(disk, path)
		if e.Absent {
			continue
		}
		if by := e.Digest.Algorithm(); e.Kind == manifest.File && n.kind == 0 && by != manifest.SHA256 {
			n.digest = digestOf(r, filepath.Join(s.Path, path), by)
		}
		stored := e.InSnapshot()
		kind, known := manifest.KindOf(n.kind)
		switch {
		case !ok:
			r.Errorf("%s: %q is in the manifest only", s.Ref(), path)
		case !known || kind != e.Kind:
			r.Errorf("%s: %q is a %v, not a %v", s.Ref(), path, n.kind, e.Kind)
		case e.Kind == manifest.File && (n.digest != e.Digest || n.size != e.Size):
			r.Errorf("%s: %q holds other bytes than its manifest says", s.Ref(), path)
		case n.mtime != stored.Mtime:
			r.Errorf("%s: %q has mtime %v, manifest says %v", s.Ref(), path, n.mtime, stored.Mtime)
		case n.kind != fs.ModeSymlink && n.mode != stored.Mode, n.uid != stored.UID, n.gid != stored.GID:
			r.Errorf("%s: %q is %o %d:%d, manifest says %+v", s.Ref(), path, n.mode, n.uid, n.gid, stored.Permissions)
		case n.target != e.Target:
			r.Errorf("%s: %q links to %q, manifest says %q", s.Ref(), path, n.target, e.Target)
		}
	}
	for path := range disk {
		r.Errorf("%s: %q is not in the manifest", s.Ref(), path)
	}
	if s.Files != files || s.Bytes != bytes || s.Files != s.Unchanged+s.Linked+s.New {
		r.Errorf("%s: summary %+v, but there are %d files of %d bytes", s.Ref(), s.Summary, files, bytes)
	}
}

// alike checks that a snapshot is what the source is now.
func (r *repo) alike(s *engine.Snapshot) {
	r.Helper()
	want, got := tree(r, r.source), tree(r, s.Path)
	entries := readManifest(r, s)
	for path, n := range want {
		g := got[path].like()
		if e := entries[path]; e.Stored != nil { // shared: the manifest keeps the path's own
			g.mtime = e.Mtime
			g.mode, g.uid, g.gid = e.Mode, e.UID, e.GID
		}
		if n.kind == 0 && r.config.Match == config.MatchContent && xattr.XATTR_SUPPORTED {
			g.xattrs = ""
			for _, x := range entries[path].Xattrs {
				g.xattrs += x.Name + "=" + x.Value + "\n"
			}
		}
		got[path], want[path] = g, n.like()
	}
	same(r, "snapshot "+s.Stamp, got, want)
}

// indexed checks that the catalog holds what the manifest of a snapshot does.
func (r *repo) indexed(s *engine.Snapshot) {
	r.Helper()
	cat, err := catalog.Open(r.config.Catalog, "")
	r.must(err)
	defer cat.Close()
	all, err := cat.Snapshots(context.Background())
	r.must(err)
	for i := range all {
		if all[i].Name != s.Name || all[i].Stamp != s.Stamp {
			continue
		}
		m, done := r.openManifest(s)
		defer done()
		different, err := cat.Compare(context.Background(), all[i].ID, m.Entries())
		r.must(err)
		for _, d := range different {
			r.Errorf("%s: %q is %+v in the manifest, and %+v in the catalog", s.Ref(), d.Path, d.Manifest, d.Catalog)
		}
		return
	}
	r.Errorf("%s is not in the catalog", s.Ref())
}

func (r *repo) openManifest(s *engine.Snapshot) (m *manifest.Reader, done func() error) {
	r.Helper()
	f, err := os.Open(manifestOf(s))
	r.must(err)
	m, err = manifest.NewReader(f)
	r.must(err)
	return m, f.Close
}

// manifestOf returns the path of a snapshot's manifest.
func manifestOf(s *engine.Snapshot) string {
	for _, a := range manifest.Algorithms {
		path := s.Path + a.Suffix()
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return s.Path + manifest.Suffix
}
