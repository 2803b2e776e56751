package catalog

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// writeNothing has what the catalog writes from now on fail.
func writeNothing(t *testing.T, c *Catalog) {
	t.Helper()
	path := filepath.Join(c.file.TempDir(), "catalog.ql")
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc:", err)
	}
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); to != path || fd.Name() == fmt.Sprint(readOnly.Fd()) {
			continue
		}
		var n int
		fmt.Sscan(fd.Name(), &n)
		if err := unix.Dup3(int(readOnly.Fd()), n, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
}
