package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Nobody is the number of an ordinary user that owns nothing.
const Nobody = 65534

// userEnv says as whom a process that is started again goes on.
const userEnv = "PHLB_TEST_UID"

func init() {
	value := os.Getenv(userEnv)
	if value == "" {
		return
	}
	uid, err := strconv.Atoi(value)
	// These set all threads of the process, see nptl(7).
	for _, err := range []error{err, syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid)} {
		if err != nil {
			panic(err)
		}
	}
}

// AsUser runs the test that calls it as an ordinary user, in a process of its
// own where need be, and reports whether the caller is that user.
func AsUser(t *testing.T) bool {
	t.Helper()
	if os.Getuid() != 0 {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), userEnv+"="+strconv.Itoa(Nobody))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Skipf("as an ordinary user:\n%s", out)
	}
	return false
}

// Root skips the test for an ordinary user.
func Root(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// Mount mounts a file system until the test ends, with the arguments of
// mount(8), of which the last is the directory.
func Mount(t testing.TB, args ...string) {
	t.Helper()
	MountBy(t, args[len(args)-1], "mount", args...)
}

// MountBy mounts a file system on the directory at by a program of its own, until
// the test ends.
func MountBy(t testing.TB, at, program string, args ...string) {
	t.Helper()
	Root(t)
	Tool(t, program)
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Skipf("%s: %v: %s", program, err, out)
	}
	t.Cleanup(func() { Unmount(t, at) })
}

// Unmount unmounts what is mounted on the directory.
func Unmount(t testing.TB, at string) {
	t.Helper()
	// A child that another test is starting has all files open, too, until its
	// program begins.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := syscall.Unmount(at, 0); err != nil {
		t.Errorf("umount: %v", err)
	}
}

// Image makes a file of that size, with a file system in it by mkfs and its
// arguments, and an empty directory beside it to mount the file on.
func Image(t testing.TB, size int64, mkfs ...string) (image, at string) {
	t.Helper()
	Root(t)
	Tool(t, mkfs[0])
	dir := t.TempDir()
	image, at = filepath.Join(dir, "image"), filepath.Join(dir, "at")
	err := os.WriteFile(image, nil, 0o600)
	if err == nil {
		err = os.Truncate(image, size)
	}
	if err == nil {
		err = os.Mkdir(at, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs[0], append(mkfs[1:], image)...).CombinedOutput(); err != nil {
		t.Skipf("%s: %v: %s", mkfs[0], err, out)
	}
	return image, at
}

// Loop makes a file system of that size by mkfs and its arguments, and returns
// where it is mounted until the test ends.
func Loop(t testing.TB, size int64, mkfs ...string) string {
	t.Helper()
	image, at := Image(t, size, mkfs...)
	Mount(t, "-o", "loop", image, at)
	return at
}
