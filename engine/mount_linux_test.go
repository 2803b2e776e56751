package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"phlb/engine/testenv"
	"testing"

	"golang.org/x/sys/unix"
)

// mount makes a file system of that kind, of so many MiB, and mounts it.
func mount(t testing.TB, kind string, mib int64, options ...string) string {
	t.Helper()
	if kind != "tmpfs" {
		return testenv.Loop(t, mib<<20, append([]string{"mkfs." + kind}, options...)...)
	}
	at := filepath.Join(t.TempDir(), "at")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	testenv.Mount(t, "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mib), "tmpfs", at)
	return at
}

// mountWith mounts a new file system by a program of its own.
func mountWith(t testing.TB, program, kind string, mib int64, made []string, options string) string {
	t.Helper()
	testenv.Tool(t, program)
	image, at := testenv.Image(t, mib<<20, append([]string{"mkfs." + kind}, made...)...)
	testenv.MountBy(t, at, program, "-o", options, image, at)
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
