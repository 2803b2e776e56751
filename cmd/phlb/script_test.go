package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// Under the race detector a program sleeps for a second at its end unless it is told
	// not to, see https://go.dev/doc/articles/race_detector#Options, and phlb is run too
	// often for that.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	testscript.Main(m, map[string]func(){
		"phlb": func() {
			if dir := os.Getenv("TEST_SYSTEM_CONFIG"); dir != "" {
				systemConfig = dir
			}
			main()
		},
		// unprivileged runs its arguments without root's right to read all.
		"unprivileged": func() { unprivileged(os.Args[1:]) },
	})
}

// TestScript runs the scenarios, each in a folder of its own with its files, a
// home, and PHLB_BACKUP_PATH set to root in it.
func TestScript(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) { // as under nohup: what is caught here, phlb does not ignore
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	examples, err := filepath.Abs(filepath.Join("..", "..", "testdata", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("..", "..", "testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "home", ".config"))
			e.Setenv("PHLB_BACKUP_PATH", filepath.Join(e.WorkDir, "root"))
			e.Setenv("TEST_SYSTEM_CONFIG", filepath.Join(e.WorkDir, "etc"))
			e.Setenv("TZ", "Europe/Vienna")
			e.Setenv("EXAMPLES", examples)
			e.Setenv("GORACE", os.Getenv("GORACE"))
			return os.MkdirAll(filepath.Join(e.WorkDir, "home"), 0o777)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "samefile": samefile, "notsamefile": notsamefile, "mtime": mtime,
			"oddhome": oddhome, "oddremove": oddremove, "sametree": sametree,
			"setmtime": setmtime, "settle": settle, "await": await, "query": query, "keys": keys, "serve": serveFile,
			"gitserver": gitserver, "requests": requests, "registry": registry,
		},
	})
}

// exits CODE COMMAND [ARGUMENT...] runs the command, which must end with CODE.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// samefile A B: A and B are one inode.
func samefile(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: samefile A B")
	}
	a, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	if os.SameFile(a, b) == neg {
		ts.Fatalf("%s and %s: same file %v", args[0], args[1], !neg)
	}
}

// notsamefile A B: they are two.
func notsamefile(ts *testscript.TestScript, _ bool, args []string) { samefile(ts, true, args) }

// mtime FILE TIME: FILE was changed at TIME, in RFC 3339.
func mtime(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mtime FILE TIME")
	}
	want, err := time.Parse(time.RFC3339Nano, args[1])
	ts.Check(err)
	info, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := info.ModTime(); !got.Equal(want) {
		ts.Fatalf("%s was changed at %s", args[0], got.UTC().Format(time.RFC3339Nano))
	}
}

// setmtime TIME FILE...: changes the time.
func setmtime(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: setmtime TIME FILE...")
	}
	to, err := time.Parse(time.RFC3339Nano, args[0])
	ts.Check(err)
	for _, path := range args[1:] {
		ts.Check(os.Chtimes(ts.MkAbs(path), to, to))
	}
}

// settle waits until what was changed up to now is old enough for its times to
// tell a later change, and makes the files of the test older than what may still be
// written through a mapping.
func settle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: settle")
	}
	now := time.Now()
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, d fs.DirEntry, err error) error {
		if _, isRoot := os.Lstat(filepath.Join(path, ".phlb")); err != nil || isRoot == nil {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || now.Sub(info.ModTime()) > time.Minute {
			return nil
		}
		old := info.ModTime().Add(-time.Hour)
		return os.Chtimes(path, old, old)
	}))
	time.Sleep(50 * time.Millisecond)
}

// await GLOB: waits until there is such a file.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await GLOB")
	}
	for {
		found, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		if len(found) > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
