package store

import (
	"errors"
	"strings"
	"testing"
)

func TestLock(t *testing.T) {
	t.Parallel()
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

func TestLocks(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	me := Owner{Who: "me", Host: "here"}
	lock, err := r.LockName(t.Context(), "docs", me, false)
	must(t, err)
	seal, err := r.LockSeal(t.Context(), me)
	must(t, err)
	all, err := r.Locks(me)
	if err != nil || len(all) != 2 || all[0].Name != "docs" || all[0].Who != "me" || all[0].Gone || all[1].Name != "" {
		t.Errorf("locks are %+v, %v", all, err)
	}
	if _, err := r.Break(t.Context(), "", me, false); err == nil {
		t.Error("the lock of the root was broken while it is held")
	}
	if broken, err := r.Break(t.Context(), "", me, true); err != nil || len(broken) != 1 || broken[0].What != "the backup root "+r.Path {
		t.Errorf("broken are %+v, %v", broken, err)
	}
	must(t, lock.Held())
	if err := seal.Held(); !errors.Is(err, ErrLost) {
		t.Errorf("its holder is told %v", err)
	}
	must(t, errors.Join(lock.Unlock(), seal.Unlock()))
	if all, err := r.Locks(me); len(all) > 0 || err != nil {
		t.Errorf("once all are released there are %+v, %v", all, err)
	}
}
