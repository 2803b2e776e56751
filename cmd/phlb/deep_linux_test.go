package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDeepTree backs up folders in one another whose paths take 94 MB together, and
// looks what the commands keep in memory, as the runtime tells after each collection.
func TestDeepTree(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long")
	}
	if raced() {
		t.Skip("takes long under the race detector, and looks at memory alone")
	}
	const levels, most = 3000, 70 // MiB
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Max < 4*levels {
		t.Skipf("needs to open %d files, may open %d", 4*levels, files.Max)
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "d")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(source, 0o755))
	at, err := unix.Open(source, unix.O_DIRECTORY, 0)
	must(err)
	name := strings.Repeat("n", 20)
	for range levels {
		must(unix.Mkdirat(at, name, 0o755))
		down, err := unix.Openat(at, name, unix.O_DIRECTORY, 0)
		must(err)
		unix.Close(at)
		at = down
	}
	unix.Close(at)
	live := regexp.MustCompile(`\d+->\d+->(\d+) MB`)
	for _, args := range [][]string{
		{"backup", source}, {"backup", source}, {"snapshots"}, {"verify", "d"}, {"diff", "d"}, {"diff", "d", "d/latest"}, {"stat", "d"}, {"restore", "d", filepath.Join(dir, "to")},
	} {
		cmd := exec.Command("phlb", args...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "PHLB_BACKUP_PATH="+filepath.Join(dir, "root"), "GODEBUG=gctrace=1")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("phlb %q: %v\n%.2000s", args, err, &stderr)
		}
		collected := live.FindAllStringSubmatch(stderr.String(), -1)
		if len(collected) == 0 && args[0] == "backup" {
			t.Errorf("phlb %q said nothing of its memory: %.2000s", args, &stderr)
		}
		for _, m := range collected {
			if kept, _ := strconv.Atoi(m[1]); kept > most {
				t.Errorf("phlb %q kept %d MiB, want at most %d", args, kept, most)
				break
			}
		}
	}
}
