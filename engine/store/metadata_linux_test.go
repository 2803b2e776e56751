package store

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
	"phlb/engine/testenv"
)

// acl returns an access list in the form of the kernel, see acl(5). The mask,
// which the mode shows in place of the group's bits, is 5.
func acl(uid uint32) string {
	b := binary.LittleEndian.AppendUint32(nil, 2) // version
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 6, 1<<32 - 1}, {2, 7, uid}, {4, 4, 1<<32 - 1}, {16, 5, 1<<32 - 1}, {32, 0, 1<<32 - 1}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return string(b)
}

func wantMade(t *testing.T, path string, e *manifest.Entry, mode uint32) {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	mtime := manifest.Time{Sec: int64(st.Mtim.Sec), Nsec: uint32(st.Mtim.Nsec)}
	if st.Mode&0o7777 != mode || mtime != e.Mtime {
		t.Errorf("%s: mode %o, mtime %v; want %o, %v", path, st.Mode&0o7777, mtime, mode, e.Mtime)
	}
	if os.Getuid() == 0 && (st.Uid != e.UID || st.Gid != e.GID) {
		t.Errorf("%s: owner %d:%d, want %d:%d", path, st.Uid, st.Gid, e.UID, e.GID)
	}
	for _, x := range e.Xattrs {
		b := make([]byte, 4096)
		n, err := unix.Lgetxattr(path, x.Name, b)
		if err != nil || string(b[:n]) != x.Value {
			t.Errorf("%s: attribute %s is %q, %v", path, x.Name, b[:max(n, 0)], err)
		}
	}
}

func TestMetadata(t *testing.T) {
	testenv.Root(t)
	r := newRoot(t)
	p := begin(t, r, "1")
	at := func(name string) string { return filepath.Join(pathOf(p), treeName, name) }
	owned := func(kind manifest.Kind, mode uint32, xattrs ...manifest.Xattr) *manifest.Entry {
		e := entry(kind, mode)
		e.UID, e.GID, e.Xattrs = 12345, 54321, xattrs
		return e
	}
	list := manifest.Xattr{Name: "system.posix_acl_access", Value: acl(77)}
	byDefault := manifest.Xattr{Name: "system.posix_acl_default", Value: acl(78)}
	for name, e := range map[string]*manifest.Entry{
		"setuid":   owned(manifest.File, 0o4755),
		"setgid":   owned(manifest.File, 0o2711),
		"all bits": owned(manifest.File, 0o7777),
		"none":     owned(manifest.File, 0),
		"acl":      owned(manifest.File, 0o650, list),
		"user":     owned(manifest.File, 0o444, manifest.Xattr{Name: "user.a"}, manifest.Xattr{Name: "user.b", Value: "\x00\xff"}),
		"trusted":  owned(manifest.File, 0o644, manifest.Xattr{Name: "trusted.a", Value: "x"}),
	} {
		f, err := p.Tree.Create(name)
		must(t, err)
		must(t, f.Finish(e))
		must(t, f.Close())
		wantMade(t, at(name), e, e.Mode)
		if e.Stored != nil {
			t.Errorf("%s: stored as %+v", name, e.Stored)
		}
		if i, err := p.Tree.Look(name); err != nil || !i.Holds(e) || i.Permissions != e.Permissions {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	}
	for name, e := range map[string]*manifest.Entry{
		"dir":     owned(manifest.Dir, 0o3750, byDefault),
		"closed":  owned(manifest.Dir, 0),
		"dir acl": owned(manifest.Dir, 0o650, list, byDefault),
	} {
		d, err := p.Tree.Mkdir(name)
		must(t, err)
		put(t, d, "f", "moves the time of its directory")
		must(t, d.Finish(e))
		d.Close()
		wantMade(t, at(name), e, e.Mode)
	}
}

func TestMake(t *testing.T) {
	r := newRoot(t)
	p := begin(t, r, "1")
	at := func(name string) string { return filepath.Join(pathOf(p), treeName, name) }
	link := entry(manifest.Symlink, 0o777)
	link.Target = "../no\xffwhere"
	disk, null := entry(manifest.BlockDevice, 0o640), entry(manifest.CharDevice, 0o666)
	disk.Major, disk.Minor, null.Major, null.Minor = 259, 70000, 1, 3
	made := map[string]*manifest.Entry{
		"link": link, "fifo": entry(manifest.Fifo, 0o622), "socket": entry(manifest.Socket, 0o700),
	}
	if os.Getuid() == 0 {
		made["disk"], made["null"] = disk, null
		link.UID, link.GID = 12345, 54321
	}
	for name, e := range made {
		must(t, p.Tree.Make(name, e))
		wantMade(t, at(name), e, e.Mode)
		i, err := p.Tree.Look(name)
		if err != nil || !i.Holds(e) {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
		if err := p.Tree.Make(name, e); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s twice: %v", name, err)
		}
	}
	if to, err := os.Readlink(at("link")); err != nil || to != link.Target {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	var st unix.Stat_t
	if os.Getuid() == 0 {
		must(t, unix.Lstat(at("disk"), &st))
		if unix.Major(uint64(st.Rdev)) != 259 || unix.Minor(uint64(st.Rdev)) != 70000 {
			t.Errorf("the device is %#x", st.Rdev)
		}
	}
	for _, kind := range []manifest.Kind{manifest.File, manifest.Dir, 0} {
		if err := p.Tree.Make("x", entry(kind, 0)); !errors.Is(err, unix.EINVAL) {
			t.Errorf("make %v: %v", kind, err)
		}
	}
}

func TestOrdinaryUser(t *testing.T) {
	if !testenv.AsUser(t) {
		return
	}
	r := newRoot(t)
	p := begin(t, r, "1")
	at := func(name string) string { return filepath.Join(pathOf(p), treeName, name) }
	finish := func(name string, e *manifest.Entry) {
		f, err := p.Tree.Create(name)
		must(t, err)
		if _, lost := errors.AsType[*NotKept](f.Finish(e)); lost != (e.UID != uint32(os.Getuid())) {
			t.Errorf("%s: not all is kept: %v", name, lost)
		}
		must(t, f.Close())
	}
	own := entry(manifest.File, 0o4755)
	finish("own", own)
	wantMade(t, at("own"), own, 0o4755)

	// A program that ran as root must not run as us, nor for all in our group.
	alien := entry(manifest.File, 0o6755)
	alien.UID, alien.GID = 0, 0
	alien.Xattrs = []manifest.Xattr{{Name: "security.capability", Value: "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}}
	finish("alien", alien)
	alien.Xattrs = nil
	wantMade(t, at("alien"), alien, 0o755)

	// Not even the owner can search or read these.
	for name, mode := range map[string]uint32{"closed": 0, "listed": 0o400, "searched": 0o100, "unwritable": 0o555} {
		e := entry(manifest.Dir, mode)
		d, err := p.Tree.Mkdir(name)
		must(t, err)
		put(t, d, "f", "x")
		if err := d.Finish(e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		d.Close()
		wantMade(t, at(name), e, mode)
	}
	null := entry(manifest.CharDevice, 0o666)
	null.Major, null.Minor = 1, 3
	if err := p.Tree.Make("null", null); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a device: %v", err)
	}
	// Nothing of that keeps the next run from sweeping it.
	must(t, p.Tree.Finish(entry(manifest.Dir, 0o500)))
	p.Close()
	p = begin(t, r, "2")
	fill(t, p, 1)
	must(t, p.Tree.Finish(entry(manifest.Dir, 0o555)))
	ref := sealIt(t, p)
	wantList(t, r, files("2")...)
	wantMade(t, r.SnapshotPath(ref), entry(manifest.Dir, 0), 0o555)

	// Nor from taking it over.
	p = begin(t, r, "3")
	fill(t, p, 50)
	must(t, p.Tree.Finish(entry(manifest.Dir, 0o555)))
	p.Close()
	p = begin(t, r, "4")
	if got := previous(t, p); got != "3" {
		t.Errorf("takes over %q, want 3", got)
	}
}

func TestNotKept(t *testing.T) {
	dir := t.TempDir()
	testenv.Mount(t, "-t", "ramfs", "none", dir) // has no attributes
	p := begin(t, rootAt(t, dir), "1")
	e := entry(manifest.File, 0o640)
	e.Xattrs = []manifest.Xattr{{Name: "user.a", Value: "x"}}
	f, err := p.Tree.Create("f")
	must(t, err)
	err = f.Finish(e)
	must(t, f.Close())
	lost, ok := errors.AsType[*NotKept](err)
	if !ok || lost.What != "attribute user.a" || !errors.Is(err, unix.ENOTSUP) {
		t.Fatalf("an attribute: %v", err)
	}
	e.Xattrs = nil
	wantMade(t, filepath.Join(pathOf(p), treeName, "f"), e, 0o640) // all else is kept
	e = entry(manifest.Dir, 0o700)
	e.Xattrs = []manifest.Xattr{{Name: "user.a", Value: "x"}}
	if _, ok := errors.AsType[*NotKept](p.Tree.Finish(e)); !ok {
		t.Error("an attribute of a directory was kept")
	}
}

// TestForesee asks for the time of a directory while others make files in that: it is
// the time that Finish gives the directory, not the present.
func TestForesee(t *testing.T) {
	r := loopMount(t, 8<<20, "mkfs.ext4", "-q", "-I", "128")
	p := begin(t, r, "1")
	done := make(chan struct{})
	var making sync.WaitGroup
	making.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				f, err := p.Tree.Create("f")
				if err == nil {
					err = errors.Join(f.Close(), p.Tree.Remove("f"))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	var asking sync.WaitGroup
	want := make([]manifest.Time, 4)
	for i := range want {
		want[i] = manifest.Time{Sec: moment.Sec + int64(i)}
		asking.Go(func() {
			for range 2000 {
				e := entry(manifest.Dir, 0o755)
				e.Mtime = manifest.Time{Sec: want[i].Sec, Nsec: 5}
				if err := p.Foresee(e); err != nil {
					t.Error(err)
					return
				}
				if e.Stored == nil || e.Stored.Mtime != want[i] {
					t.Errorf("foreseen is %+v, want the time %v", e.Stored, want[i])
					return
				}
			}
		})
	}
	asking.Wait()
	close(done)
	making.Wait()
}

// TestCoarseTimes stores on a file system that keeps whole seconds of 32 bits.
func TestCoarseTimes(t *testing.T) {
	r := loopMount(t, 8<<20, "mkfs.ext4", "-q", "-I", "128")
	p := begin(t, r, "1")
	for name, mtime := range map[string]manifest.Time{"fine": moment, "far": {Sec: 1 << 33, Nsec: 5}} {
		e := entry(manifest.File, 0o644)
		e.Mtime = mtime
		f, err := p.Tree.Create(name)
		must(t, err)
		if _, lost := errors.AsType[*NotKept](f.Finish(e)); lost != (name == "far") {
			t.Errorf("%s: the time is not kept: %v", name, lost)
		}
		must(t, f.Close())
		link := entry(manifest.Symlink, 0o777)
		link.Mtime, link.Target = mtime, "x"
		if _, lost := errors.AsType[*NotKept](p.Tree.Make(name+".link", link)); lost != (name == "far") {
			t.Errorf("%s.link: the time is not kept: %v", name, lost)
		}
		for n, e := range map[string]*manifest.Entry{name: e, name + ".link": link} {
			i, err := p.Tree.Look(n)
			must(t, err)
			if e.Mtime != mtime || e.Stored == nil || e.Stored.Permissions != e.Permissions || !i.Holds(e) {
				t.Errorf("%s lies there as %+v, is noted as %+v", n, i, e.Stored)
			}
		}
	}
}
