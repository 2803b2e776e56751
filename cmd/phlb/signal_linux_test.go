package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A signal ends a script wherever it is, also within one step that nothing can stop,
// and leaves nothing behind.
func TestSignals(t *testing.T) {
	const ready = "print('ready')\n"
	files := map[string]string{
		"src/file":     "x",
		"loop.star":    "while True:\n    pass\n",
		"long.star":    "x = 1\n" + strings.Repeat("x = x + 1\n", 400000),
		"globals.star": ready + "while True:\n    pass\ndef main():\n    pass\n",
		"load.star":    ready + "load('loop.star', 'x')\n",
		"compile.star": ready + "load('long.star', 'x')\n",
		"main.star":    "def main():\n    link(scan('src'))\n    print('ready')\n    while True:\n        pass\n",
		"where.star":   "def slow(f):\n    print('ready')\n    while True:\n        pass\ndef main():\n    hash(scan('src', where = slow))\n    for f in scan('src', where = slow):\n        pass\n",
		"step.star":    ready + "int('9' * 100000000)\n",
	}
	for name := range files {
		if filepath.Ext(name) == ".star" && name != "loop.star" && name != "long.star" {
			for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
				t.Run(name+"/"+signal.String(), func(t *testing.T) {
					t.Parallel()
					interrupted(t, files, signal, "", "exec", name)
				})
			}
		}
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for name, statement := range map[string]string{"step": "int('9' * 100000000)", "load": ".load long.star", "loop": "while True: pass"} {
			t.Run("repl/"+name+"/"+signal.String(), func(t *testing.T) {
				t.Parallel()
				interrupted(t, files, signal, ready+statement+"\n\n", "repl")
			})
		}
	}
}

// interrupted sends phlb a signal when it is ready.
func interrupted(t *testing.T, files map[string]string, signal syscall.Signal, in string, args ...string) {
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := bounded(t, dir, args...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Errorf("printed %q, %v", line, err)
	}
	time.Sleep(200 * time.Millisecond) // so that most likely it is in the next step
	if err := cmd.Process.Signal(signal); err != nil {
		t.Error(err)
	}
	io.Copy(io.Discard, out)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("status %d, want 130: %s", code, &said)
	}
	if strings.Contains(said.String(), "goroutine ") || !strings.Contains(said.String(), "phlb: ") {
		t.Errorf("said: %s", &said)
	}
	locks := bounded(t, dir, "unlock")
	if left, err := locks.CombinedOutput(); err != nil || strings.Contains(string(left), " pid ") {
		t.Errorf("locks: %s %v", left, err)
	}
	if partial, _ := filepath.Glob(filepath.Join(dir, "root", "*", "*.partial")); len(partial) > 0 {
		t.Errorf("left %v", partial)
	}
}
