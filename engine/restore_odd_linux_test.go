package engine_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/testenv"
)

// oddTree fills the source with all that is not plain.
func (r *repo) oddTree() {
	r.write("plain", "1", "sub/dir/file", "22", "empty", "", "new\nline", "3", "back\\slash", "4", "\xff\xfe", "5",
		" space ", "6", "-rf", "7", ".phlb-plain~", "8", "sub.file", "9", "sub/dir.file", "10", "twin", "1",
		strings.Repeat("n", 255), "11", "large", strings.Repeat("0123456789abcdef", 1<<16))
	r.must(os.Link(r.in("plain"), r.in("sub/hard")))
	r.must(os.Link(r.in("plain"), r.in("zzz")))
	r.must(os.Link(r.in("large"), r.in("sub/large")))
	r.must(os.Symlink("no\nwhere", r.in("link")))
	r.must(os.Link(r.in("link"), r.in("sub/link")))
	r.fifo(r.in("fifo"), 0o640)
	socket, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", r.in("socket"))
	r.must(err)
	r.Cleanup(func() { socket.Close() })
	f, err := os.Create(r.in("sparse"))
	r.must(err)
	_, err = f.WriteAt([]byte("middle"), 3<<20)
	r.must(err)
	r.must(f.Truncate(9 << 20))
	r.must(f.Close())
	r.must(os.Truncate(r.in("empty"), 100<<10)) // one hole
	r.must(os.MkdirAll(r.in("none/in/here"), 0o750))
	r.must(os.Mkdir(r.in("closed"), 0o500))
	if os.Getuid() == 0 { // others cannot look into it
		r.must(os.Chmod(r.in("closed"), 0))
	}
	r.must(os.Chmod(r.in("zzz"), 0o4751))
	r.must(unix.Setxattr(r.in("twin"), "user.note", []byte("x\x00y"), 0))
	if os.Getuid() == 0 {
		r.must(unix.Mknod(r.in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		r.must(unix.Mknod(r.in("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(259, 70000))))
		r.must(os.Chown(r.in("large"), 1234, 4321))
		r.must(os.Lchown(r.in("link"), 12, 21))
		r.must(os.Chown(r.in("none"), 7, 8))
	}
	if _, err := exec.LookPath("setfacl"); err == nil {
		for _, args := range [][]string{{"-m", "u:77:rwx", r.in("sub.file")}, {"-m", "g:78:r", r.in("none")}, {"-d", "-m", "u:79:rw", r.in("sub")}} {
			if out, err := exec.Command("setfacl", args...).CombinedOutput(); err != nil {
				r.Logf("setfacl: %v: %s", err, out)
			}
		}
	}
	long := time.Date(1901, 2, 3, 4, 5, 6, 7, time.UTC)
	for _, path := range []string{"plain", "none", "sub/dir/file", "sub"} {
		r.must(os.Chtimes(r.in(path), time.Time{}, long))
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	for _, match := range []string{"permissions", "content"} {
		t.Run(match, func(t *testing.T) {
			r := newRepo(t)
			r.config.Match = "permissions"
			if match == "content" {
				r.config.Match = "content"
			}
			r.oddTree()
			s := r.backup()
			dry := r.restore(s, engine.Restoration{Dry: true})
			if _, err := os.Lstat(r.to("to")); !os.IsNotExist(err) {
				t.Errorf("a dry run made the target: %v", err)
			}
			done := r.restore(s, engine.Restoration{})
			r.equal(r.to("to"), r.source)
			if lstat(t, r.to("to/sparse")).blocks > 64 || lstat(t, r.to("to/empty")).blocks > 8 {
				t.Errorf("holes were filled: %d and %d blocks", lstat(t, r.to("to/sparse")).blocks, lstat(t, r.to("to/empty")).blocks)
			}
			if !done.OK() || done.Files != s.Files || done.Linked != 3 || done.To != r.to("to") {
				t.Errorf("restored %+v", *done)
			}
			dry.Dry = false
			if fmt.Sprint(dry) != fmt.Sprint(done) {
				t.Errorf("a dry run says %+v, done was %+v", *dry, *done)
			}
			r.check(s)

			// Once more, nothing is to be done.
			for _, o := range []engine.Overwrite{engine.Never, engine.Newer, engine.Always} {
				again := r.restore(s, engine.Restoration{Overwrite: o, Delete: true})
				r.done(again, fmt.Sprintf("%d unchanged", done.Files+done.Others))
			}
			r.equal(r.to("to"), r.source)

			// Into a directory that is empty, under a default ACL.
			r.must(os.MkdirAll(r.to("heir/to"), 0o700))
			if _, err := exec.LookPath("setfacl"); err == nil {
				exec.Command("setfacl", "-d", "-m", "u:99:rwx", r.to("heir"), r.to("heir/to")).Run()
			}
			r.restore(s, engine.Restoration{To: "heir/to"})
			r.equal(r.to("heir/to"), r.source)
			r.restore(s, engine.Restoration{To: "heir/new"})
			r.equal(r.to("heir/new"), r.source)
		})
	}
}

// TestRestoreRsync has a tool of others look for differences.
func TestRestoreRsync(t *testing.T) {
	t.Parallel()
	tool(t, "rsync")
	testenv.Root(t)
	r := newRepo(t)
	r.oddTree()
	r.restore(r.backup(), engine.Restoration{})
	out, err := exec.Command("rsync", "-aHAXSnc", "--itemize-changes", "--delete", r.source+"/", r.to("to")+"/").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("rsync finds %v:\n%s", err, out)
	}
}
