package store

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	userEnv = "STORE_TEST_UID"
	nobody  = 65534
)

func init() {
	roles[userEnv] = func(value string) {
		uid, err := strconv.Atoi(value)
		// These set all threads of the process, see nptl(7). It goes on to test.
		for _, err := range []error{err, syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid)} {
			if err != nil {
				panic(err)
			}
		}
	}
}

// asUser runs the test that calls it as an ordinary user, in a process of its
// own where need be, and reports whether the caller is that user.
func asUser(t *testing.T) bool {
	t.Helper()
	if os.Getuid() != 0 {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), userEnv+"="+strconv.Itoa(nobody))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Skipf("as an ordinary user:\n%s", out)
	}
	return false
}

// needRoot skips the test for an ordinary user.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// mount mounts a file system until the test ends.
func mount(t *testing.T, args ...string) {
	t.Helper()
	needRoot(t)
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		t.Skipf("needs to mount: %v: %s", err, out)
	}
	dir := args[len(args)-1]
	t.Cleanup(func() {
		// A child that another test is starting has all files open, too, until its
		// program begins.
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("umount: %v", err)
		}
	})
}

// loopMount makes a file system of that size with mkfs and its arguments, and
// opens a root on it.
func loopMount(t *testing.T, size int64, mkfs ...string) *Root {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	image, at := filepath.Join(dir, "image"), filepath.Join(dir, "at")
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, size))
	must(t, os.Mkdir(at, 0o755))
	if out, err := exec.Command(mkfs[0], append(mkfs[1:], image)...).CombinedOutput(); err != nil {
		t.Skipf("needs %s: %v: %s", mkfs[0], err, out)
	}
	mount(t, "-o", "loop", image, at)
	return rootAt(t, at)
}

func rootAt(t *testing.T, path string) *Root {
	t.Helper()
	r, err := Create(path)
	must(t, err)
	t.Cleanup(r.Close)
	return r
}

// print is what must not change of an inode.
type print struct {
	stat    string
	content string
	change  unix.Timespec
	links   uint64
}

// prints takes that of all below path.
func prints(t *testing.T, path string) map[string]print {
	t.Helper()
	all := map[string]print{}
	must(t, filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		p := print{
			stat:   fmt.Sprintf("inode %d mode %o owner %d:%d size %d mtime %d", st.Ino, st.Mode, st.Uid, st.Gid, st.Size, st.Mtim.Nano()),
			change: st.Ctim, links: uint64(st.Nlink),
		}
		switch d.Type() {
		case 0:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			p.content = fmt.Sprintf("%x", sha256.Sum256(b))
		case fs.ModeSymlink:
			if p.content, err = os.Readlink(path); err != nil {
				return err
			}
		}
		all[path] = p
		return nil
	}))
	return all
}

// wantSame checks that nothing has changed but numbers of links, and with them
// the times that tell of that; relinked are the files of which links came and
// went.
func wantSame(t *testing.T, before, after map[string]print, relinked ...string) {
	t.Helper()
	for path, a := range after {
		b, ok := before[path]
		if !ok {
			t.Errorf("%s is new", path)
			continue
		}
		if a.stat != b.stat || a.content != b.content ||
			a.links == b.links && a.change != b.change && !slices.Contains(relinked, path) {
			t.Errorf("%s is %+v, was %+v", path, a, b)
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			t.Errorf("%s is gone", path)
		}
	}
}
