package engine_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/pkg/xattr"
	"pgregory.net/rapid"

	"phlb/engine"
	"phlb/engine/config"
)

// sealed is what a snapshot was when it was made.
type sealed struct {
	*engine.Snapshot
	tree     map[string]node // on the disk, with inodes
	source   map[string]node // what it is made of
	manifest []byte
}

// shm is a folder of a file system in memory, which takes no time to sync; ""
// where there is none that keeps attributes.
var shm = func() string {
	const dir = "/dev/shm"
	if !xattr.XATTR_SUPPORTED {
		return ""
	}
	f, err := os.CreateTemp(dir, "phlb-probe-")
	if err != nil {
		return ""
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := xattr.Set(f.Name(), "user.probe", []byte("x")); err != nil {
		return ""
	}
	return dir
}()

// TestHistory makes snapshots of a source to which things happen, and after
// each holds all of them against what they were.
func TestHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(shm, "phlb-history-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		h := &history{newRepoIn(&drawn{t, rt}, dir), rt}
		h.config.Match = rapid.SampledFrom([]config.Match{
			config.MatchPermissions, config.MatchContent, config.MatchExact,
		}).Draw(rt, "match")
		var made []*sealed
		for range rapid.IntRange(2, 6).Draw(rt, "runs") {
			for range rapid.IntRange(0, 12).Draw(rt, "changes") {
				h.change()
			}
			source := tree(h, h.source)
			h.config.Hash = rapid.SampledFrom(config.Hashes).Draw(rt, "hash")
			s := h.backup()
			h.alike(s)
			same(h, "source", tree(h, h.source), source)
			m, err := os.ReadFile(manifestOf(s))
			h.must(err)
			made = append(made, &sealed{s, tree(h, s.Path), source, m})
			for _, s := range made {
				h.still(s, source)
				h.indexed(s.Snapshot)
			}
			if h.Failed() {
				rt.FailNow()
			}
		}
	})
}

// drawn sends failures to rapid, so that it can make them smaller.
type drawn struct {
	*testing.T
	rt *rapid.T
}

func (d *drawn) Errorf(format string, args ...any) { d.rt.Errorf(format, args...) }
func (d *drawn) Fatalf(format string, args ...any) { d.rt.Fatalf(format, args...) }
func (d *drawn) Fatal(args ...any)                 { d.rt.Fatal(args...) }
func (d *drawn) Failed() bool                      { return d.rt.Failed() }

type history struct {
	*repo
	draw *rapid.T
}

// still checks that a snapshot is what it was, and none of its inodes are the
// source's.
func (h *history) still(s *sealed, source map[string]node) {
	now := tree(h, s.Path)
	for path, n := range now { // others may link to it, or no longer
		n.links = s.tree[path].links
		now[path] = n
	}
	same(h, "older snapshot "+s.Stamp, now, s.tree)
	m, err := os.ReadFile(manifestOf(s.Snapshot))
	if err != nil || !bytes.Equal(m, s.manifest) {
		h.Errorf("manifest of %s is not what it was (%v)", s.Stamp, err)
	}
	ours := map[id]string{}
	for path, n := range s.tree {
		ours[n.id] = path
	}
	for path, n := range source {
		if other, ok := ours[n.id]; ok {
			h.Errorf("%s of the source is %s of snapshot %s", path, other, s.Stamp)
		}
	}
	h.groups(s)
}

// groups checks that the manifest says which paths were one inode.
func (h *history) groups(s *sealed) {
	numbers := map[id]int64{}
	inodes := map[int64]id{}
	for path, e := range readManifest(h, s.Snapshot) {
		n := s.source[path]
		if n.kind == fs.ModeDir {
			continue
		}
		if (n.links > 1) != (e.Group != 0) {
			h.Errorf("%s: %q has %d links and group %d", s.Stamp, path, n.links, e.Group)
		}
		if e.Group == 0 {
			continue
		}
		number, seen := numbers[n.id]
		inode, taken := inodes[e.Group]
		if seen && number != e.Group || taken && inode != n.id {
			h.Errorf("%s: %q is in group %d, which is not that of its inode", s.Stamp, path, e.Group)
		}
		numbers[n.id], inodes[e.Group] = e.Group, n.id
	}
}

// names are few, so that much happens to each.
var names = []string{"a", "b", "c", "d/a", "d/b", "d/e/a", "d.x", "f/a", "f/\n"}

func init() {
	if runtime.GOOS == "windows" { // has no line ends in names
		names = names[:len(names)-1]
	}
}

var contents = []string{"", "1", "2", "one", "two", "longer than the others"}

// change does one thing to the source.
func (h *history) change() {
	pick := func(label string) string { return h.in(rapid.SampledFrom(names).Draw(h.draw, label)) }
	content := func() []byte { return []byte(rapid.SampledFrom(contents).Draw(h.draw, "content")) }
	path := pick("path")
	info, err := os.Lstat(path)
	there := err == nil && info.Mode().IsRegular()
	op := rapid.SampledFrom([]string{
		"write", "write", "write", "replace", "same size", "touch", "chmod", "chown", "remove", "rename", "swap", "truncate",
		"hardlink", "break up", "xattr", "symlink", "dir mode", "remove dir", "big",
	}).Draw(h.draw, "op")
	if !there && op != "remove dir" && op != "dir mode" {
		if err == nil {
			h.must(os.RemoveAll(path))
		}
		h.must(os.MkdirAll(filepath.Dir(path), 0o755))
		h.must(os.WriteFile(path, content(), 0o644))
		return
	}
	switch op {
	case "write":
		h.must(os.WriteFile(path, content(), 0o644))
	case "replace":
		h.must(os.WriteFile(path+"~", content(), 0o600))
		h.must(os.Rename(path+"~", path))
	case "same size": // and time: only ctime tells
		h.must(os.WriteFile(path, bytes.Repeat([]byte("~"), int(info.Size())), 0o644))
		h.must(os.Chtimes(path, time.Time{}, info.ModTime()))
	case "touch":
		when := rapid.Int64Range(-1<<33, 1<<33).Draw(h.draw, "mtime")
		h.must(os.Chtimes(path, time.Time{}, time.Unix(when, when&0xffff)))
	case "chmod":
		h.must(os.Chmod(path, rapid.SampledFrom([]os.FileMode{0o644, 0o600, 0o755 | os.ModeSetuid, 0o711 | os.ModeSetgid}).Draw(h.draw, "mode")))
	case "chown":
		if os.Getuid() == 0 {
			h.must(os.Chown(path, rapid.IntRange(0, 2).Draw(h.draw, "uid"), 1))
		}
	case "remove":
		h.must(os.Remove(path))
	case "rename":
		to := pick("to")
		if there, err := os.Lstat(to); err != nil || !there.IsDir() {
			h.must(os.MkdirAll(filepath.Dir(to), 0o755))
			h.must(os.Rename(path, to))
		}
	case "swap":
		other := pick("other")
		if there, err := os.Lstat(other); err == nil && !there.IsDir() && other != path {
			h.must(os.Rename(path, path+"~"))
			h.must(os.Rename(other, path))
			h.must(os.Rename(path+"~", other))
		}
	case "truncate":
		h.must(os.Truncate(path, info.Size()/2))
	case "hardlink":
		to := pick("to")
		if _, err := os.Lstat(to); err != nil {
			h.must(os.MkdirAll(filepath.Dir(to), 0o755))
			h.must(os.Link(path, to))
		}
	case "break up":
		data, err := os.ReadFile(path)
		h.must(err)
		h.must(os.WriteFile(path+"~", data, info.Mode().Perm()))
		h.must(os.Chtimes(path+"~", time.Time{}, info.ModTime()))
		h.must(os.Rename(path+"~", path))
	case "xattr":
		_ = xattr.Set(path, "user.test", content()) // where there are any
	case "symlink":
		h.must(os.Remove(path))
		h.must(os.Symlink(string(content())+"->", path))
	case "dir mode":
		_ = os.Chmod(filepath.Dir(path), rapid.SampledFrom([]os.FileMode{0o755, 0o700, 0o770 | os.ModeSetgid}).Draw(h.draw, "mode"))
	case "remove dir":
		if dir := filepath.Dir(path); dir != h.source {
			h.must(os.RemoveAll(dir))
		}
	case "big": // more than is read at a time
		data := bytes.Repeat(append(content(), '!'), 300<<10)
		h.must(os.WriteFile(path, data, 0o644))
	}
}

// TestPathBecomesDirectory has names that change what they are the name of.
func TestPathBecomesDirectory(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("x", "file", "y/z", "below", "y/w/v", "deeper")
	first := r.backup()
	before := tree(t, first.Path)
	r.must(os.Remove(r.in("x")))
	r.must(os.RemoveAll(r.in("y")))
	r.write("x/in", "below", "y", "file")
	second := r.backup()
	r.alike(second)
	r.counts(second, 0, 2, 0)
	third := r.backup()
	r.counts(third, 2, 0, 0)
	for path, n := range tree(t, first.Path) {
		if n.links = before[path].links; n != before[path] {
			t.Errorf("%q of the first snapshot is %+v, was %+v", path, n, before[path])
		}
	}
	for _, s := range r.snapshots() {
		r.indexed(s)
	}
}
