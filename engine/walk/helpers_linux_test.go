package walk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// In a process that is started again, userEnv says as whom to go on.
const (
	userEnv = "WALK_TEST_UID"
	nobody  = 65534
)

func TestMain(m *testing.M) {
	if uid, err := strconv.Atoi(os.Getenv(userEnv)); err == nil {
		// These set all threads of the process, see nptl(7).
		for _, err := range []error{syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid)} {
			if err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
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

// loopMount makes a file system of 8 MiB with mkfs and its arguments, and
// returns where it is mounted.
func loopMount(t *testing.T, mkfs ...string) string {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	image, at := filepath.Join(dir, "image"), filepath.Join(dir, "at")
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, 8<<20))
	must(t, os.Mkdir(at, 0o755))
	if out, err := exec.Command(mkfs[0], append(mkfs[1:], image)...).CombinedOutput(); err != nil {
		t.Skipf("needs %s: %v: %s", mkfs[0], err, out)
	}
	mount(t, "-o", "loop", image, at)
	return at
}

// handles returns how many files the process has open.
func handles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}
