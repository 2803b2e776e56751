package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// traced is a root and a source, and runs phlb with system calls that fail.
type traced struct {
	*testing.T
	strace       string
	root, source string
}

func newTraced(t *testing.T) *traced {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace: apt-get install strace")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tr := &traced{t, strace, filepath.Join(dir, "root"), filepath.Join(dir, "docs")}
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("PHLB_BACKUP_PATH", tr.root)
	if err := os.MkdirAll(filepath.Join(tr.source, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	return tr
}

// phlb runs it under strace with those options, and returns its exit code and what
// it wrote.
func (tr *traced) phlb(options, args []string) (code int, out string) {
	tr.Helper()
	cmd := exec.Command(tr.strace, append(append(append([]string{"-f", "-o", os.DevNull}, options...), "phlb"), args...)...)
	text, err := cmd.CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case ok && strings.Contains(string(text), "ptrace"):
		tr.Skipf("needs to trace: %s", text)
	case ok:
		return exit.ExitCode(), string(text)
	case err != nil:
		tr.Fatal(err)
	}
	return 0, string(text)
}

// TestUnsynced has the last sync of a seal fail: the snapshot is there, and whether
// it is on the disk nobody knows.
func TestUnsynced(t *testing.T) {
	tr := newTraced(t)
	if code, out := tr.phlb([]string{"-e", "trace=none"}, []string{"backup", tr.source}); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	folder := filepath.Join(tr.root, "docs")
	// The folder of the name is synced before the tree gets its name, and after it.
	// The calls are counted for each thread, and a run may go over to another thread
	// in between: then the fault does not come up.
	fault := []string{"-P", folder, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2"}
	for range 30 {
		before, err := filepath.Glob(filepath.Join(folder, "*.sha256.gz"))
		if err != nil {
			t.Fatal(err)
		}
		code, out := tr.phlb(fault, []string{"backup", tr.source})
		after, err := filepath.Glob(filepath.Join(folder, "*.sha256.gz"))
		if err != nil || len(after) != len(before)+1 {
			t.Fatalf("exit %d, and of %d snapshots there are %d, %v: %s", code, len(before)+1, len(after), err, out)
		}
		if code == 0 {
			continue
		}
		if code != 3 || !strings.Contains(out, "the snapshot is sealed, but not known to have reached the disk: look after the disk, and run phlb verify") {
			t.Errorf("exit %d: %s", code, out)
		}
		if code, out := tr.phlb([]string{"-e", "trace=none"}, []string{"verify", "docs"}); code != 0 {
			t.Errorf("verify ends with %d: %s", code, out)
		}
		return
	}
	t.Error("the sync has never failed")
}

// TestTimeless has a root on a file system that keeps no times, and says nothing
// about it: that is told once in a run, and is no damage.
func TestTimeless(t *testing.T) {
	tr := newTraced(t)
	for _, name := range []string{"a", "b", "sub/c"} {
		if err := os.WriteFile(filepath.Join(tr.source, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec.Command("touch", "-d", "2001-02-03", tr.source+"/a", tr.source+"/b", tr.source+"/sub/c", tr.source+"/sub", tr.source).Run(); err != nil {
		t.Skipf("needs touch: %v", err)
	}
	fault := []string{"-e", "trace=utimensat", "-e", "inject=utimensat:retval=0"}
	for range 2 {
		code, out := tr.phlb(fault, []string{"backup", tr.source})
		const said = "the backup root does not keep all metadata, it is in the manifest only: time"
		if code != 0 || strings.Count(out, said) != 1 {
			t.Errorf("exit %d: %s", code, out)
		}
	}
	if code, out := tr.phlb(fault, []string{"verify", "docs"}); code != 0 || !strings.Contains(out, "no problems") {
		t.Errorf("verify ends with %d: %s", code, out)
	}
}

// TestImageReadOnce changes a large file in place, as a virtual machine does with its
// image: the root holds a content of its size, its own older one, and that is no
// reason to read the file twice.
func TestImageReadOnce(t *testing.T) {
	tr := newTraced(t)
	image := filepath.Join(tr.source, "image")
	const size = 3 << 20
	log := filepath.Join(t.TempDir(), "log")
	for _, content := range []byte{'1', '2', '3'} {
		if err := os.WriteFile(image, bytes.Repeat([]byte{content}, size), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out := tr.phlb([]string{"-P", image, "-e", "trace=pread64,read", "-o", log}, []string{"backup", tr.source})
		if code != 0 {
			t.Fatalf("exit %d: %s", code, out)
		}
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		for _, got := range readBytes.FindAllStringSubmatch(string(text), -1) {
			n, err := strconv.Atoi(got[1])
			if err != nil {
				t.Fatal(err)
			}
			read += n
		}
		if read != size {
			t.Errorf("of %d bytes %d were read", size, read)
		}
	}
}

// readBytes is how many bytes a traced call has read.
var readBytes = regexp.MustCompile(`(?m) = (\d+)$`)
