package fault

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/xattr"
	"golang.org/x/sys/unix"
)

// A scenario is one command on a root that was prepared for it. Snapshots that
// are there are called A, B and so on from the oldest, see [stage.args].
type scenario struct {
	name    string
	verb    string // scenarios of one verb run the same code of phlb
	prepare func(t *testing.T, s *stage)
	command string
	again   string   // the next run of it, if it is another one
	instead string   // the next run of it, once what it drops is gone
	code    int      // what command exits with where nothing goes wrong
	drops   []string // snapshots that command takes away
	finds   bool     // command finds what is rotten
	heals   bool     // command replaces it
	tells   bool     // what command prints is what it is for
}

// scenarios are what is played. There is room for one that takes a path out of
// all snapshots, once there is such a command.
var scenarios = []scenario{
	{name: "first", verb: "backup", prepare: fresh, command: "backup SOURCE --name docs"},
	{name: "second", verb: "backup", prepare: changed, command: "backup SOURCE --name docs"},
	{name: "resume", verb: "backup", prepare: cutOff, command: "backup SOURCE --name docs"},
	{name: "remove", verb: "remove", prepare: changed, command: "remove docs/A", instead: "remove docs/B", drops: []string{"docs/A"}},
	{name: "forget", verb: "remove", prepare: changed, command: "forget docs --last 1", instead: "forget docs --last 1", drops: []string{"docs/A", "docs/B"}},
	{name: "restore", verb: "restore", prepare: changed, command: "restore docs/B TO", again: "restore docs/B TO --overwrite always"},
	{name: "verify", verb: "verify", prepare: changed, command: "verify docs/B", tells: true},
	{name: "damage", verb: "verify", prepare: rotten, command: "verify docs/C", code: 4, finds: true},
	{name: "heal", verb: "heal", prepare: changed, command: "verify --heal docs/C", code: 4, heals: true},
	{name: "add", verb: "add", prepare: unknown, command: "add"},
	{name: "adopt", verb: "add", prepare: foreign, command: "add"},
	{name: "rebuild", verb: "add", prepare: forgotten, command: "add"},
	{name: "snapshots", verb: "read", prepare: changed, command: "snapshots --json", tells: true},
	{name: "query", verb: "read", prepare: changed, command: "query SELECT_path_FROM_damage", tells: true},
}

// long ago is when the files of a source were changed.
var longAgo = time.Date(2020, 1, 2, 3, 4, 5, 678901234, time.UTC)

// write makes files of a source, with content each and mtimes of long ago.
func write(t *testing.T, dir string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.RemoveAll(path))
		must(t, os.WriteFile(path, []byte(files[i+1]), 0o644))
		must(t, os.Chtimes(path, longAgo, longAgo))
	}
}

// settle gives folders their times back.
func settle(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chtimes(path, longAgo, longAgo)
		}
		return err
	}))
	time.Sleep(20 * time.Millisecond) // a file that was changed just now would be read again
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var rot = strings.Repeat("This content is to rot. ", 100)

// fresh makes a source of every kind that a user can make, and no root.
func fresh(t *testing.T, s *stage) {
	in := func(path string) string { return filepath.Join(s.source, path) }
	write(t, s.source,
		"plain", "plain", "exec", "#!/bin/sh\n", "empty", "", "secret", "secret",
		"sub/deep/file", "deep", "sub/same", "plain", "other/hard", "hard", "attr", "attr",
		"large", strings.Repeat("0123456789abcdef", 20<<10), // more than is read at a time
		"sub/rot", rot, "sub/twin", rot, "good", rot,
	)
	must(t, os.Chmod(in("exec"), 0o755))
	must(t, os.Chmod(in("secret"), 0o600))
	must(t, os.Chmod(in("good"), 0o600)) // so that it has an inode of its own
	must(t, os.Chmod(in("other"), 0o750))
	must(t, os.Link(in("other/hard"), in("sub/hard")))
	must(t, os.Mkdir(in("sub/void"), 0o755))
	must(t, os.Symlink("sub/deep/file", in("link")))
	must(t, os.Symlink("nothing", in("sub/dangling")))
	must(t, unix.Mkfifo(in("pipe"), 0o640))
	if err := xattr.Set(in("attr"), "user.test", []byte("value")); err != nil {
		t.Logf("without attributes: %v", err)
	}
	for _, path := range []string{"link", "sub/dangling", "pipe"} {
		at := unix.NsecToTimespec(longAgo.UnixNano())
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, in(path), []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW))
	}
	settle(t, s.source)
}

// stored makes three snapshots, and spoils an inode that two paths of the last
// one share.
func stored(t *testing.T, s *stage) {
	fresh(t, s)
	s.must(t, "backup SOURCE --name docs")
	write(t, s.source, "plain", "plain again", "more", "more", "sub/rot", "as yet "+rot, "sub/twin", "as yet "+rot)
	must(t, os.RemoveAll(filepath.Join(s.source, "exec")))
	settle(t, s.source)
	s.must(t, "backup SOURCE --name docs")
	write(t, s.source, "sub/rot", rot+"!", "sub/twin", rot+"!", "good", rot+"!")
	must(t, os.Chmod(filepath.Join(s.source, "good"), 0o600))
	settle(t, s.source)
	s.must(t, "backup SOURCE --name docs")
	path := s.in("root/docs/latest/sub/rot")
	info, err := os.Stat(path)
	must(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("t"), 0)
	must(t, err)
	must(t, f.Close())
	must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// rotten is where nobody knows yet what is spoilt.
func rotten(t *testing.T, s *stage) { stored(t, s) }

// noted is where it is known, and nothing has changed since.
func noted(t *testing.T, s *stage) {
	stored(t, s)
	s.must(t, "verify docs/latest", 4)
}

// changed is where there is something to back up.
func changed(t *testing.T, s *stage) {
	noted(t, s)
	write(t, s.source, "fresh", "fresh", "another", "plain again", "dir/file", "file")
	must(t, os.Chmod(filepath.Join(s.source, "sub/deep/file"), 0o755))
	must(t, os.Rename(filepath.Join(s.source, "other"), filepath.Join(s.source, "moved")))
	settle(t, s.source)
}

// cutOff is where a run was killed before its seal.
func cutOff(t *testing.T, s *stage) {
	changed(t, s)
	r, err := s.traced("backup SOURCE --name docs", func(c *call) (verdict, unix.Errno) {
		if k, _ := c.kind(); k.name == "syncfs" {
			return killBefore, 0
		}
		return goOn, 0
	})
	if must(t, err); !r.killed {
		t.Fatalf("was not killed: %v", r)
	}
}

// unknown is where somebody has put a snapshot that the catalog does not know.
func unknown(t *testing.T, s *stage) {
	changed(t, s)
	must(t, os.Mkdir(s.in("root/came"), 0o755))
	stamp, err := os.Readlink(s.in("root/docs/latest"))
	must(t, err)
	for _, suffix := range []string{"", ".sha256.gz", ".log"} {
		must(t, copyTree(s.in("root/docs", stamp+suffix), s.in("root/came", "2020-01-02-030405"+suffix)))
	}
}

// foreign is where somebody has put a tree without a manifest.
func foreign(t *testing.T, s *stage) {
	changed(t, s)
	must(t, os.Mkdir(s.in("root/came"), 0o755))
	must(t, copyTree(s.source, s.in("root/came/2020-01-02-030405")))
}

// forgotten is where the catalog was deleted, and what only it knew with it.
func forgotten(t *testing.T, s *stage) {
	changed(t, s)
	s.must(t, "verify --heal docs/latest", 4)
	must(t, os.Remove(s.in("root/.phlb/catalog.ql")))
}
