package engine_test

import (
	"context"
	"errors"
	"testing"

	"phlb/engine"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// TestLockLost breaks the lock of a backup under way, as is done for one that
// seems to be dead.
func TestLockLost(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	r.backup()
	r.write("b", "2")
	breaker := r.engine()
	if _, err := breaker.Unlock(context.Background(), "source", false); err != nil {
		t.Errorf("nothing was locked: %v", err)
	}
	_, err := r.try(engine.Source{Rules: walk.Rules{Where: func(_ int, e *walk.Entry) (bool, error) {
		if e.Name() != "b" {
			return true, nil
		}
		if _, err := breaker.Unlock(context.Background(), "source", false); err == nil {
			t.Error("a lock that is held was broken")
		}
		held, err := breaker.Locks()
		if err != nil || len(held) > 1 || len(held) == 1 && held[0].Name != "source" {
			t.Errorf("locks are %+v, %v", held, err)
		}
		_, err = breaker.Unlock(context.Background(), "source", true)
		return true, err
	}}})
	if !errors.Is(err, store.ErrLost) {
		t.Errorf("the backup ended with %v", err)
	}
	if n := len(r.snapshots()); n != 1 {
		t.Errorf("there are %d snapshots", n)
	}
	r.backup() // takes over what was copied
}
