package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func asRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// mount makes a file system of that kind, of so many MiB, and mounts it.
func mount(t testing.TB, kind string, mib int64, options ...string) string {
	t.Helper()
	asRoot(t)
	dir := t.TempDir()
	at := filepath.Join(dir, "mnt")
	args := []string{"-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mib), "tmpfs", at}
	if kind != "tmpfs" {
		tool(t, "mkfs."+kind)
		image := filepath.Join(dir, "image")
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(image, mib<<20); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mkfs."+kind, append(options, image)...).CombinedOutput(); err != nil {
			t.Skipf("mkfs.%s: %v: %s", kind, err, out)
		}
		args = []string{"-o", "loop", image, at}
	}
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		t.Skipf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() { unmount(t, at) })
	return at
}

// unmount unmounts a file system.
func unmount(t testing.TB, at string) {
	t.Helper()
	// A child that another test is starting has all files open, too, until its
	// program begins.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := syscall.Unmount(at, 0); err != nil {
		t.Errorf("umount: %v", err)
	}
}

// mountWith mounts a new file system by a program of its own.
func mountWith(t testing.TB, program, kind string, mib int64, made []string, options string) string {
	t.Helper()
	asRoot(t)
	tool(t, program)
	tool(t, "mkfs."+kind)
	dir := t.TempDir()
	at, image := filepath.Join(dir, "mnt"), filepath.Join(dir, "image")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, mib<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs."+kind, append(made, image)...).CombinedOutput(); err != nil {
		t.Skipf("mkfs.%s: %v: %s", kind, err, out)
	}
	if out, err := exec.Command(program, "-o", options, image, at).CombinedOutput(); err != nil {
		t.Skipf("%s: %v: %s", program, err, out)
	}
	t.Cleanup(func() { unmount(t, at) })
	return at
}

// fill leaves so many bytes in a file system until the test is over.
func fill(t testing.TB, at string, left int64) {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(at, &s); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(at, "ballast")
	t.Cleanup(func() { os.Remove(ballast) })
	if err := os.WriteFile(ballast, make([]byte, max(0, int64(s.Bavail)*int64(s.Bsize)-left)), 0o600); err != nil {
		t.Fatal(err)
	}
}
