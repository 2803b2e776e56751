package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/testenv"
)

// TestRemoveAsOrdinaryUser removes what its owner must not enter or change.
func TestRemoveAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	testenv.Root(t) // to become somebody else
	const uid = 65534
	r := newRepoIn(t, openDir(t))
	r.write("fixed/a", "1", "fixed/sub/b", "22", "shut/in/c", "333")
	r.must(os.Symlink("a", r.in("fixed/link")))
	for _, path := range []string{"fixed/sub", "fixed"} {
		r.must(os.Chmod(r.in(path), 0o555))
	}
	r.must(os.Mkdir(r.root, 0o755))
	for _, path := range []string{r.root, r.in("shut/in"), r.in("shut")} {
		r.must(os.Chown(path, uid, uid))
	}
	as := &user{ID: uid}
	first := runChild(t, order{Root: r.root, Source: r.source, As: as})
	if first.Err != "" || !first.Snapshot.Complete() {
		t.Fatal(first)
	}
	// As a backup by root would have left it.
	for _, path := range []string{"shut/in", "shut"} {
		r.must(os.Chmod(filepath.Join(first.Snapshot.Path, path), 0))
	}
	r.must(os.RemoveAll(r.in("fixed")))
	if second := runChild(t, order{Root: r.root, Source: r.source, Later: time.Hour, As: as}); second.Err != "" {
		t.Fatal(second)
	}
	a := runChild(t, order{Root: r.root, Remove: []string{first.Snapshot.Ref().String()}, Later: time.Hour, As: as})
	if a.Err != "" || a.Removal.Files != 3 || a.Removal.Bytes != 6 {
		t.Errorf("removed %+v, %s", a.Removal, a.Err)
	}
	if left, err := filepath.Glob(filepath.Join(r.root, filepath.Base(r.source), ".*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// asNobody runs one test of this program as an ordinary user.
func asNobody(t *testing.T, test string, env ...string) {
	t.Helper()
	c := exec.Command(programForAll(t), "-test.run=^"+test+"$", "-test.v")
	c.Env = append(os.Environ(), append(env, "TMPDIR=/tmp")...)
	c.Dir = "/"
	become(c, &user{ID: 65534})
	if out, err := c.CombinedOutput(); err != nil || strings.Contains(string(out), "no tests to run") {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
}

func TestVerifyUnreadable(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		asNobody(t, t.Name())
		return
	}
	dir, err := os.MkdirTemp("", "phlb-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := newRepoIn(t, dir)
	r.write("a", "content", "dir/b", "second", "dir/sub/c", "third", "other", "fourth")
	s := r.backup()
	file, folder := filepath.Join(s.Path, "a"), filepath.Join(s.Path, "dir")
	r.must(os.Chmod(file, 0))
	r.must(os.Chmod(folder, 0))
	t.Cleanup(func() { os.Chmod(folder, 0o700) })
	for _, heal := range []bool{false, true} {
		report := r.verify(s, engine.Check{Sample: 1, Heal: heal})
		r.wantProblems(report, "unreadable: a", "unreadable: dir")
		for _, p := range report.Problems {
			if !strings.Contains(p.Detail, "permission denied") {
				t.Errorf("no reason in %v", p)
			}
		}
	}
	r.must(os.Chmod(folder, 0o755))
	r.wantProblems(r.verify(s, engine.Check{Fast: true}))
}

// TestUnreadable backs up as an ordinary user what that one may not read.
func TestUnreadable(t *testing.T) {
	testenv.Root(t) // to become somebody else
	const uid = 65534
	dir := openDir(t)
	r := newRepoIn(t, dir)
	r.write("open", "1", "closed", "2", "closed dir/x", "3", "sub/fine", "4", "blind/no names", "5")
	r.fifo(r.in("fifo"), 0o600)
	r.must(unix.Mknod(r.in("device"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	r.must(os.Chmod(r.in("closed"), 0o600))
	r.must(os.Chmod(r.in("open"), 0o4755|os.ModeSetuid))
	r.must(os.Chmod(r.in("closed dir"), 0o700))
	r.must(os.Chmod(r.in("blind"), 0o711))
	r.must(os.Mkdir(r.root, 0o755))
	r.must(os.Chown(r.root, uid, uid))
	o := order{Root: r.root, Source: r.source, As: &user{ID: uid}}
	for run := range 2 {
		a := runChild(t, o)
		if a.Err != "" {
			t.Fatal(a.Err)
		}
		s := a.Snapshot
		if s.Errors != 4 || s.Files != 2 || s.Complete() {
			t.Errorf("run %d: %d errors and %d files, want 4 and 2:\n%s", run, s.Errors, s.Files, a.Log)
		}
		for _, text := range []string{`msg="the backup root does not keep all metadata, it is in the manifest only" what=owner`, "closed: permission denied", "closed dir: permission denied", "blind: permission denied"} {
			if !strings.Contains(a.Log, text) {
				t.Errorf("log lacks %q:\n%s", text, a.Log)
			}
		}
		entries := readManifest(t, s)
		if e := entries["device"]; !e.Absent || e.Major != 1 || e.Minor != 3 {
			t.Errorf("device is %+v", e)
		}
		// What the user could not give the snapshot is in the manifest.
		if e := entries["open"]; e.UID != 0 || e.Mode != 0o4755 {
			t.Errorf("open is %+v", e)
		}
		if n := lstat(t, filepath.Join(s.Path, "open")); n.uid != uid || n.mode != 0o755 {
			t.Errorf("open is %o of %d in the snapshot, want 755 of %d", n.mode, n.uid, uid)
		}
	}
	// As root it can be read, and made.
	s, err := r.try(engine.Source{})
	r.must(err)
	if !s.Complete() || s.Files != 5 {
		t.Errorf("as root: %d errors and %d files", s.Errors, s.Files)
	}
	if e := readManifest(t, s)["device"]; e.Absent {
		t.Error("device is still missing")
	}
}

// TestRestoreAsOther restores as an ordinary user what is somebody else's.
func TestRestoreAsOther(t *testing.T) {
	t.Parallel()
	testenv.Root(t) // to become somebody else
	const uid = 65534
	r := newRepoIn(t, openDir(t))
	r.write("mine", "1", "setuid", "2", "theirs", "3", "sub/x", "4", "shut/y", "5", "private", "6", "closed/in/z", "7")
	r.must(os.Chmod(r.in("private"), 0o600))
	r.must(os.Chmod(r.in("closed"), 0o700))
	for _, path := range []string{"mine", "sub", "sub/x"} {
		r.must(os.Chown(r.in(path), uid, uid))
	}
	r.must(os.Chmod(r.in("setuid"), 0o755|os.ModeSetuid|os.ModeSetgid))
	r.must(os.Chown(r.in("theirs"), 0, 4321))
	r.must(os.Chmod(r.in("sub"), 0o500))
	r.must(os.Chmod(r.in("mine"), 0o755|os.ModeSetuid))
	r.must(unix.Mknod(r.in("device"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	s := r.backup()
	opened := []string{r.root, filepath.Dir(r.config.Catalog), filepath.Dir(s.Path)} // on purpose
	for _, path := range opened {
		r.must(os.Chmod(path, 0o755))
	}
	for _, path := range []string{r.config.Catalog, s.Path + manifest.Suffix} {
		r.must(os.Chmod(path, 0o644))
	}
	r.must(os.Mkdir(r.to("to"), 0o777))
	r.must(os.Mkdir(r.to("to/shut"), 0o755)) // root's
	r.must(os.Chmod(r.to("to"), 0o777))
	a := runChild(t, order{Root: r.root, Name: s.Ref().String(), Restore: engine.Restoration{To: r.to("to")},
		As: &user{uid, []uint32{4321}}})
	if a.Err != "" {
		t.Fatal(a.Err)
	}
	for path, want := range map[string]string{"mine": "1", "setuid": "2", "theirs": "3", "sub/x": "4"} {
		r.holds("to/"+path, want)
		if n := lstat(t, r.to("to/"+path)); n.uid != uid || n.mtime != lstat(t, r.in(path)).mtime {
			t.Errorf("%s is %+v", path, n)
		}
	}
	if n := lstat(t, r.to("to/theirs")); n.gid != 4321 {
		t.Errorf("theirs is of group %d, want 4321", n.gid)
	}
	for path, mode := range map[string]uint32{"mine": 0o4755, "setuid": 0o755, "theirs": 0o644, "sub": 0o500} {
		if n := lstat(t, r.to("to/"+path)); n.mode != mode {
			t.Errorf("%s has mode %o, want %o", path, n.mode, mode)
		}
	}
	found := fmt.Sprint(a.Restored.Problems)
	for _, want := range []string{
		"unwritable: device: make character device: operation not permitted", "unwritable: shut/y: create: permission denied",
		"denied: private: permission denied; it is left out", "denied: closed/in/z: permission denied; it is left out",
	} {
		if !strings.Contains(found, want) {
			t.Errorf("problems are %s, want %q", found, want)
		}
	}
}
