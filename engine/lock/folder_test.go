package lock

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// folderEnv makes a process hold the lock of the folder it gives.
const folderEnv = "LOCK_TEST_FOLDER"

// holdFolder takes the lock of a folder, says so, and holds it until it is killed, or
// its input ends.
func holdFolder(path string) {
	lock, held, err := TryFolder(path)
	fmt.Println("locked:", held, err)
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(lock)
	os.Exit(0)
}

// tryFolder wants the lock of a folder to be free, or not, and returns how to end it.
func tryFolder(t *testing.T, path string, want bool) (end func()) {
	t.Helper()
	lock, held, err := TryFolder(path)
	if held != want || err != nil {
		t.Fatalf("the lock of %s is held: %v, %v, want %v", path, held, err, want)
	}
	return func() {
		t.Helper()
		must(t, lock.Close())
	}
}

// TestTryFolder locks folders, each by two names.
func TestTryFolder(t *testing.T) {
	t.Parallel()
	a, b := t.TempDir(), t.TempDir()
	defer tryFolder(t, a, true)()
	end := tryFolder(t, b, true)
	tryFolder(t, b, false)
	tryFolder(t, filepath.Dir(b)+"/./"+filepath.Base(b)+"/", false)
	end()
	defer tryFolder(t, b, true)()
	tryFolder(t, a, false)
	if _, held, err := TryFolder(filepath.Join(a, "missing")); held || err == nil {
		t.Errorf("the lock of what is missing is held: %v, %v", held, err)
	}
}

// TestTryFolderKilled kills who has the lock of a folder.
func TestTryFolderKilled(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), folderEnv+"="+path)
	in, err := cmd.StdinPipe()
	must(t, err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "locked: true <nil>\n" {
		t.Errorf("the other process says %q, %v", line, err)
	}
	tryFolder(t, path, false)
	must(t, cmd.Process.Kill())
	cmd.Wait()
	defer tryFolder(t, path, true)()
}
