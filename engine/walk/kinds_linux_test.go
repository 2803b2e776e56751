package walk

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
	"phlb/engine/testenv"
)

func TestKinds(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	long := strings.Repeat("x/", 2047)
	must(t, os.WriteFile(at("file"), []byte("seven b"), 0o640))
	must(t, os.Link(at("file"), at("file2")))
	must(t, os.Mkdir(at("dir"), 0o750))
	must(t, unix.Chmod(at("dir"), 0o3750))
	must(t, os.Symlink("nowhere", at("dangling")))
	must(t, os.Symlink(long, at("long")))
	must(t, os.Symlink(strings.Repeat("y", 256), at("as long as the buffer")))
	must(t, unix.Mkfifo(at("fifo"), 0o600))
	socket, err := net.Listen("unix", at("socket"))
	must(t, err)
	defer socket.Close()

	got := gather(t, &Walk{Root: dir})
	wantNoErrors(t, got)
	for name, want := range map[string]struct {
		kind   manifest.Kind
		mode   uint32
		target string
	}{
		"file":                  {manifest.File, 0o640, ""},
		"dir":                   {manifest.Dir, 0o3750, ""},
		"dangling":              {manifest.Symlink, 0o777, "nowhere"},
		"long":                  {manifest.Symlink, 0o777, long},
		"as long as the buffer": {manifest.Symlink, 0o777, strings.Repeat("y", 256)},
		"fifo":                  {manifest.Fifo, 0o600, ""},
	} {
		e := got.entry(t, name)
		if e.Kind != want.kind || e.Mode != want.mode || e.Target != want.target {
			t.Errorf("%s: %v %o %.20q", name, e.Kind, e.Mode, e.Target)
		}
		var st unix.Stat_t
		must(t, unix.Lstat(at(name), &st))
		mtime := manifest.Time{Sec: int64(st.Mtim.Sec), Nsec: uint32(st.Mtim.Nsec)}
		ctime := manifest.Time{Sec: int64(st.Ctim.Sec), Nsec: uint32(st.Ctim.Nsec)}
		if e.UID != st.Uid || e.GID != st.Gid || e.Size != st.Size || e.Mtime != mtime || e.Ctime != ctime ||
			e.Inode != st.Ino || e.Dev != uint64(st.Dev) || e.Nlink != uint64(st.Nlink) || e.Blocks != st.Blocks {
			t.Errorf("%s: %+v, want %+v", name, e, st)
		}
	}
	if e := got.entry(t, "socket"); e.Kind != manifest.Socket {
		t.Errorf("socket is a %v", e.Kind)
	}
	if a, b := got.entry(t, "file"), got.entry(t, "file2"); a.ID() != b.ID() || a.Nlink != 2 {
		t.Errorf("two names of one inode: %v with %d links, and %v", a.ID(), a.Nlink, b.ID())
	}
}

func TestDevices(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	if err := unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err != nil {
		t.Skipf("needs to make devices: %v", err)
	}
	must(t, unix.Mknod(filepath.Join(dir, "disk"), unix.S_IFBLK|0o600, int(unix.Mkdev(259, 70000))))
	got := gather(t, &Walk{Root: dir})
	wantNoErrors(t, got)
	for name, want := range map[string]struct {
		kind         manifest.Kind
		major, minor uint32
	}{"null": {manifest.CharDevice, 1, 3}, "disk": {manifest.BlockDevice, 259, 70000}} {
		if e := got.entry(t, name); e.Kind != want.kind || e.Major != want.major || e.Minor != want.minor {
			t.Errorf("%s: %v %d:%d", name, e.Kind, e.Major, e.Minor)
		}
	}
}

func TestOddNames(t *testing.T) {
	names := []string{
		"\x01", "\n", " ", " lead and trail ", "-rf", "...", "..a", ".hidden", "\\", "a\\n", "a\nb", "a\rb",
		"\xff\xfe", "#comment", "*", "über", "\u202etxt", strings.Repeat("n", 255), strings.Repeat("\xff", 255),
	}
	dir := t.TempDir()
	for _, name := range names {
		grow(t, dir, name+"/"+name)
	}
	got := gather(t, &Walk{Root: dir})
	wantNoErrors(t, got)
	if want := 1 + 2*len(names); len(got.entries) != want {
		t.Errorf("%d entries, want %d", len(got.entries), want)
	}
	for _, name := range names {
		if e := got.entry(t, name+"/"+name); e.Name() != name || e.Folder() != name {
			t.Errorf("%q: folder %q, name %q", e.Path, e.Folder(), e.Name())
		}
	}
}

// TestOpensRegularFiles checks that nothing else is read or waited for.
func TestOpensRegularFiles(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	grow(t, dir, "file", "dir/f")
	must(t, os.Symlink("file", filepath.Join(dir, "link")))
	must(t, os.Symlink("dir", filepath.Join(dir, "dirlink")))
	d, err := OpenRoot(dir)
	must(t, err)
	defer d.Close()
	if _, err := d.File("link"); err != unix.ELOOP {
		t.Errorf("File of a symbolic link: %v", err)
	}
	for _, name := range []string{"dirlink", "file", "fifo"} {
		if _, err := d.Open(name); err != unix.ENOTDIR {
			t.Errorf("Open of %s: %v", name, err)
		}
	}
	// A fifo that came up in a file's place does not hold up the run.
	f, err := d.File("fifo")
	must(t, err)
	defer f.Close()
	if e, err := f.Stat(); err != nil || e.Kind != manifest.Fifo {
		t.Errorf("an open fifo is a %v, %v", e.Kind, err)
	}
}

func TestUnknownTypes(t *testing.T) {
	// Without this feature a directory does not say what its names are.
	dir := testenv.Loop(t, 8<<20, "mkfs.ext4", "-q", "-O", "^filetype")
	grow(t, dir, "d/e/f", "x")
	must(t, os.Symlink("d", filepath.Join(dir, "link")))
	got := gather(t, &Walk{Root: dir, Rules: Rules{SkipDirs: []string{"lost+found"}}})
	wantNoErrors(t, got)
	wantPaths(t, got, ".", "link", "x", "d", "d/e", "d/e/f")
}
