package lock

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
	"time"
)

// holdEnv makes a process hold the lock of a name in the folder it gives.
const holdEnv = "LOCK_TEST_HOLD"

// holdLock takes the lock, says so, and holds it until it is killed.
func holdLock(path string) {
	_, err := at(path).Take(context.Background(), docs, Owner{Who: "pid 17 on laptop"}, 0)
	fmt.Println("locked:", err)
	select {}
}

func TestTake(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	lock, err := f.Take(t.Context(), docs, Owner{Who: "pid 17 on laptop"}, 0)
	must(t, err)
	_, err = at(f.path).Take(t.Context(), docs, Owner{Who: "pid 18"}, 0)
	locked, ok := errors.AsType[*Error](err)
	if !ok || locked.Holder != "pid 17 on laptop" {
		t.Fatalf("the second got %v", err)
	}
	for _, want := range []string{`"docs"`, "pid 17 on laptop", "--wait"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	other, err := f.Take(t.Context(), Key{Name: "name-pictures"}, Owner{Who: "pid 17"}, 0)
	must(t, err)
	must(t, other.Unlock())
	must(t, lock.Unlock())
	lock, err = f.Take(t.Context(), docs, Owner{Who: "pid 18"}, 0)
	must(t, err)
	must(t, lock.Unlock())
}

func TestTakeWaits(t *testing.T) {
	f := newFolder(t)
	for what, wait := range map[string]time.Duration{"for ever": Forever, "an hour": time.Hour} {
		take := func(ctx context.Context) (*Lock, error) { return f.Take(ctx, docs, Owner{Who: "me"}, wait) }
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
	f := newFolder(t)
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), holdEnv+"="+f.path)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked: <nil>\n" {
		t.Errorf("the other process says %q, %v", line, err)
	}
	_, err = f.Take(t.Context(), docs, Owner{Who: "me"}, 0)
	if locked, ok := errors.AsType[*Error](err); !ok || locked.Holder != "pid 17 on laptop" {
		t.Errorf("while another process holds the lock: %v", err)
	}
	gone := func() bool {
		t.Helper()
		holder, gone, err := f.Holder(docs, Owner{Who: "me"})
		if err != nil || holder.Who != "pid 17 on laptop" {
			t.Fatalf("the holder is %+v, %v", holder, err)
		}
		return gone
	}
	if gone() {
		t.Error("one that is alive is taken to be gone")
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	if !gone() {
		t.Error("one that was killed is not taken to be gone")
	}
	if holder, gone, err := f.Holder(docs, nas); err != nil || holder.Who == "" || gone {
		t.Errorf("another machine cannot know: %+v, %v, %v", holder, gone, err)
	}
	lock, err := f.Take(t.Context(), docs, Owner{Who: "me"}, 0)
	must(t, err)
	must(t, lock.Unlock())
}
