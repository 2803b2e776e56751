package lock

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// countEnv makes a process take the lock of docs in the folder it gives again
// and again, each time to count one up, until it is killed.
const countEnv = "LOCK_TEST_COUNT"

// countUp adds one to a number in a file. Two at a time would lose one.
func countUp(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(content))
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(strconv.Itoa(n+1)), 0o666); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func countUnderLock(path string) {
	err := func() error {
		f := at(path)
		for {
			lock, err := f.Take(context.Background(), docs, Owner{Who: "a counter", Host: "here"}, Forever)
			if err != nil {
				return err
			}
			if err := countUp(filepath.Join(path, "number")); err != nil {
				return err
			}
			if err := lock.Held(); err != nil {
				return err
			}
			fmt.Println("one") // the parent counts, too
			if err := lock.Unlock(); err != nil {
				return err
			}
		}
	}()
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestLockOfTheKilled has processes count under a lock, and kills them at
// whatever they do: nobody may wait for the dead, and no step may be lost.
func TestLockOfTheKilled(t *testing.T) {
	f := newFolder(t)
	number := filepath.Join(f.path, "number")
	must(t, os.WriteFile(number, []byte("0"), 0o666))
	exe, err := os.Executable()
	must(t, err)
	const lives = 12
	type life struct {
		*exec.Cmd
		out, err bytes.Buffer
	}
	start := func() *life {
		l := &life{Cmd: exec.Command(exe)}
		l.Env = append(os.Environ(), countEnv+"="+f.path)
		l.Stdout, l.Stderr = &l.out, &l.err
		must(t, l.Start())
		return l
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	running := []*life{start(), start(), start()}
	steps := 0
	for range lives {
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond) // whatever they are at then
		i := random.IntN(len(running))
		must(t, running[i].Process.Kill())
		running[i].Wait()
		if running[i].err.Len() > 0 {
			t.Errorf("seed %d: %s", seed, &running[i].err)
		}
		steps += bytes.Count(running[i].out.Bytes(), []byte("\n"))
		running[i] = start()
	}
	for _, l := range running {
		must(t, l.Process.Kill())
		l.Wait()
		steps += bytes.Count(l.out.Bytes(), []byte("\n"))
	}
	lock, err := f.Take(t.Context(), docs, Owner{Who: "the test", Host: "here"}, 0)
	must(t, err)
	must(t, lock.Unlock())
	content, err := os.ReadFile(number)
	must(t, err)
	n, err := strconv.Atoi(string(content))
	must(t, err)
	// One who is killed may have counted, and not said so.
	if n < steps || n > steps+lives+len(running) {
		t.Errorf("seed %d: counted to %d in %d steps", seed, n, steps)
	}
}
