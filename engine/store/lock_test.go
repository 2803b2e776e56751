package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// lockEnv makes a process hold the lock of a name under the root it gives.
const lockEnv = "STORE_TEST_LOCK"

// holdLock takes the lock, says so, and holds it until it is killed.
func holdLock(path string) {
	r, err := Open(path)
	if err == nil {
		_, err = r.LockName(context.Background(), "docs", Owner{Who: "pid 17 on laptop"}, false)
	}
	fmt.Println("locked:", err)
	select {}
}

func TestLock(t *testing.T) {
	r := newRoot(t)
	lock, err := r.LockName(t.Context(), "docs", Owner{Who: "pid 17 on laptop"}, false)
	must(t, err)

	other, err := Open(r.Path)
	must(t, err)
	defer other.Close()
	_, err = other.LockName(t.Context(), "docs", Owner{Who: "pid 18"}, false)
	locked, ok := errors.AsType[*LockedError](err)
	if !ok || locked.Holder != "pid 17 on laptop" {
		t.Fatalf("the second got %v", err)
	}
	for _, want := range []string{`"docs"`, "pid 17 on laptop", "--wait"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	// Other names and the seal have locks of their own.
	for _, name := range []string{"pictures", "seal"} {
		l, err := r.LockName(t.Context(), name, Owner{Who: "pid 17"}, false)
		must(t, err)
		defer l.Unlock()
	}
	seal, err := r.LockSeal(t.Context(), Owner{Who: "pid 17"})
	must(t, err)
	must(t, seal.Unlock())

	must(t, lock.Unlock())
	lock, err = other.LockName(t.Context(), "docs", Owner{Who: "pid 18"}, false)
	must(t, err)
	must(t, lock.Unlock())
}

func TestLockWaits(t *testing.T) {
	r := newRoot(t)
	for what, take := range map[string]func(ctx context.Context) (*Lock, error){
		"name": func(ctx context.Context) (*Lock, error) { return r.LockName(ctx, "docs", Owner{Who: "me"}, true) },
		"seal": func(ctx context.Context) (*Lock, error) { return r.LockSeal(ctx, Owner{Who: "me"}) },
	} {
		t.Run(what, func(t *testing.T) {
			first, err := take(t.Context())
			must(t, err)
			type result struct {
				lock  *Lock
				err   error
				early bool
			}
			var released atomic.Bool
			second := make(chan result, 1)
			go func() {
				l, err := take(t.Context())
				second <- result{l, err, !released.Load()}
			}()
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("why")
			go cancel(why)
			if _, err := take(ctx); !errors.Is(err, why) {
				t.Errorf("the wait was cancelled: %v", err)
			}
			released.Store(true)
			must(t, first.Unlock())
			got := <-second
			must(t, got.err)
			if got.early {
				t.Error("the second did not wait for the first")
			}
			must(t, got.lock.Unlock())
		})
	}
}

// TestLockOfTheDead kills a process that holds a lock.
func TestLockOfTheDead(t *testing.T) {
	r := newRoot(t)
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), lockEnv+"="+r.Path)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked: <nil>\n" {
		t.Errorf("the other process says %q, %v", line, err)
	}
	_, err = r.LockName(t.Context(), "docs", Owner{Who: "me"}, false)
	if locked, ok := errors.AsType[*LockedError](err); !ok || locked.Holder != "pid 17 on laptop" {
		t.Errorf("while another process holds the lock: %v", err)
	}
	gone := func() bool {
		t.Helper()
		all, err := r.Locks(Owner{Who: "me"})
		if err != nil || len(all) != 1 || all[0].Who != "pid 17 on laptop" {
			t.Fatalf("locks are %+v, %v", all, err)
		}
		return all[0].Gone
	}
	if gone() {
		t.Error("one that is alive is taken to be gone")
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	if !gone() {
		t.Error("one that was killed is not taken to be gone")
	}
	if all, err := r.Locks(nas); err != nil || len(all) != 1 || all[0].Gone {
		t.Errorf("another machine cannot know: %+v, %v", all, err)
	}
	lock, err := r.LockName(t.Context(), "docs", Owner{Who: "me"}, false)
	must(t, err)
	must(t, lock.Unlock())
}
