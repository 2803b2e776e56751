package walk

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
	"phlb/engine/testenv"
)

// TestAccessTimes reads all of a tree and compares times of access.
func TestAccessTimes(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "a/f", "control")
	must(t, os.Symlink("f", filepath.Join(dir, "a/link")))
	// Older than the modification, so that relatime would note a reading.
	old := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	paths := []string{"a/f", "a", "."}
	for _, path := range append(paths, "control") {
		must(t, os.Chtimes(filepath.Join(dir, path), old, time.Time{}))
	}
	atime := func(path string) time.Time {
		var st unix.Stat_t
		must(t, unix.Lstat(filepath.Join(dir, path), &st))
		return time.Unix(st.Atim.Unix()).UTC()
	}
	if _, err := os.ReadFile(filepath.Join(dir, "control")); err != nil || atime("control").Equal(old) {
		t.Skipf("needs a file system that notes times of access (%v)", err)
	}
	w := &Walk{Root: dir, Work: func(_ context.Context, _ int, b *Batch) error {
		for i := range b.Entries {
			if b.Entries[i].Kind != manifest.File {
				continue
			}
			f, err := b.Folder.Dir.File(b.Entries[i].Name())
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := io.ReadAll(f); err != nil {
				return err
			}
		}
		return nil
	}}
	got := gather(t, w)
	for _, path := range paths {
		if now := atime(path); !now.Equal(old) {
			t.Errorf("%s was last read at %v", path, now)
		}
		if e := got.entry(t, path); e.Atime != manifest.TimeOf(old) {
			t.Errorf("%s: time of access %v", path, e.Atime)
		}
	}
}

// acl returns an access list in the form of the kernel, see acl(5): owner and
// group as in a mode, and one more user who may read.
func acl(uid uint32) string {
	b := binary.LittleEndian.AppendUint32(nil, 2) // version
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 7, 1<<32 - 1}, {2, 4, uid}, {4, 4, 1<<32 - 1}, {16, 4, 1<<32 - 1}, {32, 0, 1<<32 - 1}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return string(b)
}

func TestXattrs(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "d/f", "plain")
	must(t, os.Symlink("d/f", filepath.Join(dir, "link")))
	file := []manifest.Xattr{
		{Name: "system.posix_acl_access", Value: acl(12345)},
		{Name: "user.a", Value: ""},
		{Name: "user.b\xff", Value: "\x00binary\n" + strings.Repeat("long", 500)},
	}
	folder := []manifest.Xattr{
		{Name: "system.posix_acl_access", Value: acl(1)},
		{Name: "system.posix_acl_default", Value: acl(2)},
		{Name: "user.z", Value: "dir"},
	}
	link := []manifest.Xattr{{Name: "trusted.l", Value: "link"}}
	set := func(path string, list []manifest.Xattr) {
		for _, x := range slices.Backward(list) {
			if err := unix.Lsetxattr(filepath.Join(dir, path), x.Name, []byte(x.Value), 0); err != nil {
				t.Skipf("needs %s: %v", x.Name, err)
			}
		}
	}
	set("d/f", file)
	set("d", folder)
	if os.Getuid() == 0 {
		set("link", link)
	} else {
		link = nil
	}
	root, err := OpenRoot(dir)
	must(t, err)
	defer root.Close()
	d, err := root.Open("d")
	must(t, err)
	defer d.Close()
	f, err := d.File("f")
	must(t, err)
	defer f.Close()
	for _, test := range []struct {
		what string
		get  func() ([]manifest.Xattr, error)
		want []manifest.Xattr
	}{
		{"open file", f.Xattrs, file},
		{"file", func() ([]manifest.Xattr, error) { return d.Xattrs("f") }, file},
		{"directory", func() ([]manifest.Xattr, error) { return d.Xattrs("") }, folder},
		{"link, not its target", func() ([]manifest.Xattr, error) { return root.Xattrs("link") }, link},
		{"without", func() ([]manifest.Xattr, error) { return root.Xattrs("plain") }, nil},
		{"vanished", func() ([]manifest.Xattr, error) { return root.Xattrs("missing") }, nil},
	} {
		if got, err := test.get(); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, %v, want %q", test.what, got, err, test.want)
		}
	}
}

func TestNoXattrs(t *testing.T) {
	dir := t.TempDir()
	testenv.Mount(t, "-t", "ramfs", "none", dir)
	grow(t, dir, "f")
	d, err := OpenRoot(dir)
	must(t, err)
	defer d.Close()
	for _, name := range []string{"", "f"} {
		if got, err := d.Xattrs(name); err != nil || got != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func TestSparse(t *testing.T) {
	const size, block = 4 << 20, 1 << 20
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	data := strings.Repeat("x", block)
	out, err := os.Create(name)
	must(t, err)
	for _, off := range []int64{block, 3 * block} {
		_, err = out.WriteAt([]byte(data), off)
		must(t, err)
	}
	must(t, out.Truncate(size+block))
	must(t, out.Close())
	grow(t, dir, "dense")

	got := gather(t, &Walk{Root: dir})
	if e := got.entry(t, "f"); !e.Sparse() {
		t.Skipf("needs holes: %d bytes in %d blocks", e.Size, e.Blocks)
	}
	if e := got.entry(t, "dense"); e.Sparse() {
		t.Errorf("a file of %d bytes in %d blocks is sparse", e.Size, e.Blocks)
	}
	d, err := OpenRoot(dir)
	must(t, err)
	defer d.Close()
	f, err := d.File("f")
	must(t, err)
	defer f.Close()
	var regions [][2]int64
	for off := int64(0); off < size+block; {
		start, end, err := f.Data(off, size+block)
		must(t, err)
		if start < end {
			regions = append(regions, [2]int64{start, end})
		}
		if end <= off {
			t.Fatalf("Data(%d) is %d to %d", off, start, end)
		}
		off = end
	}
	if want := [][2]int64{{block, 2 * block}, {3 * block, 4 * block}}; !reflect.DeepEqual(regions, want) {
		t.Errorf("regions %v, want %v", regions, want)
	}
	buf := make([]byte, block+1)
	if n, err := f.ReadAt(buf, 2*block-1); n != len(buf) || err != nil || buf[0] != 'x' || buf[1] != 0 {
		t.Errorf("across the edge: %d, %v, %q", n, err, buf[:2])
	}
	if n, err := f.ReadAt(buf, size+block-5); n != 5 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}
