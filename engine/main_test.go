package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"phlb/engine"
)

// childVariable holds, in the environment of a child, what it is to do.
const childVariable = "PHLB_ENGINE_TEST_CHILD"

// order is what a test asks of a child process: one backup, the restore or healing
// of the snapshot called Name, or a removal.
type order struct {
	Root, Source, Name, Boot string
	Remove                   []string // snapshots
	Restore                  engine.Restoration
	Wait                     bool
	Later                    time.Duration // by how much the child's clock is ahead
	Heal                     bool          // the snapshot called Name
	Under                    []string      // a command that runs the child
	As                       *user         // who the child is, if not we
}

// user is one by number, of a group of the same number and of others.
type user struct {
	ID     uint32
	Groups []uint32
}

// answer is what the child says of it.
type answer struct {
	Snapshot *engine.Snapshot
	Restored *engine.Restored
	Removal  *engine.Removal
	Problems []engine.Problem
	Err      string
	Log      string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(beChild(text))
	}
	// Before the first child that it starts, Go starts one to see what the kernel
	// can, and does not hold syscall.ForkLock for it. Now it is in nobody's way.
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		p.Release()
	}
	os.Exit(m.Run())
}

func beChild(text string) int {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var log strings.Builder
	e := engine.Open(settings(o.Root), engine.Environment{
		Host: "testhost", Boot: o.Boot, Owner: fmt.Sprintf("pid %d on testhost", os.Getpid()),
		TempDir: os.TempDir(), Now: func() time.Time { return time.Now().Add(o.Later) },
		Log: slog.NewTextHandler(&log, nil), Wait: o.Wait,
	})
	fmt.Println("ready")
	a, err := o.do(e)
	a.Log = log.String()
	if err != nil {
		a.Err = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		return 1
	}
	return 0
}

func (o *order) do(e *engine.Engine) (a answer, err error) {
	ctx := context.Background()
	if o.Remove != nil {
		var gone []*engine.Snapshot
		for _, name := range o.Remove {
			s, err := e.Snapshot(ctx, name)
			if err != nil {
				return a, err
			}
			gone = append(gone, s)
		}
		a.Removal, err = e.Remove(ctx, gone...)
		return a, err
	}
	if o.Heal {
		s, err := e.Snapshot(ctx, o.Name)
		if err != nil {
			return a, err
		}
		report, err := e.Verify(ctx, s, engine.Check{Sample: 1, Heal: true})
		if err == nil {
			a.Problems = report.Problems
		}
		return a, err
	}
	if o.Restore.To == "" {
		a.Snapshot, err = e.Backup(ctx, engine.Source{Root: o.Source, Name: o.Name})
		return a, err
	}
	if a.Snapshot, err = e.Snapshot(ctx, o.Name); err == nil {
		a.Restored, err = e.Restore(ctx, a.Snapshot, o.Restore)
	}
	return a, err
}

// child is a process that makes a backup.
type child struct {
	*exec.Cmd
	out io.ReadCloser
}

// startChild returns once the child is about to begin.
func startChild(t *testing.T, o order) *child {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	path := os.Args[0]
	if o.As != nil {
		path = programForAll(t)
	}
	args := append(slices.Clone(o.Under), path)
	c := exec.Command(args[0], args[1:]...)
	c.Env = append(os.Environ(), childVariable+"="+string(text), "TMPDIR=/tmp", "GORACE=atexit_sleep_ms=0")
	c.Dir = "/"
	c.Stderr = os.Stderr
	if o.As != nil {
		become(c, o.As)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(out, ready); err != nil {
		t.Fatalf("child did not start: %v", err)
	}
	return &child{c, out}
}

// finish waits for the child's answer; a killed one has none.
func (c *child) finish() (a answer, err error) {
	err = json.NewDecoder(c.out).Decode(&a)
	return a, errors.Join(err, c.Wait())
}

func runChild(t *testing.T, o order) answer {
	t.Helper()
	a, err := startChild(t, o).finish()
	if err != nil {
		t.Fatalf("child: %v", err)
	}
	return a
}

// programForAll returns a copy of this program that every user may run.
func programForAll(t *testing.T) string {
	t.Helper()
	path := filepath.Join(openDir(t), "engine.test")
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	// No program runs while somebody has it open for writing, such as a child that
	// another test is starting, until the program of that one begins.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// openDir returns a temporary directory that every user may enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "phlb-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
