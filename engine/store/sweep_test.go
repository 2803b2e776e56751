package store

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"phlb/engine/lock"
)

// Whatever a kill has left is swept by the next who writes, and nothing of those
// who live.
func TestSweep(t *testing.T) {
	t.Parallel()
	r, err := Create(filepath.Join(t.TempDir(), "root"))
	must(t, err)
	alive, err := r.openWorkshop()
	must(t, err)
	held := filepath.Join(r.Path, internal, locks, lock.Records, sealLock)
	must(t, os.MkdirAll(held, 0o700))
	left := []string{filepath.Join(held, "new-1"), filepath.Join(held, "now-1")}
	for _, name := range left {
		must(t, os.WriteFile(name, nil, 0o600))
	}
	bare, locked := filepath.Join(r.Path, internal, "new-1"), filepath.Join(r.Path, internal, "new-2")
	for _, name := range []string{bare, locked} {
		must(t, os.MkdirAll(filepath.Join(name, "sub"), 0o700))
	}
	alone := filepath.Join(r.Path, internal, "new-3") + lockSuffix // of who was killed before there was a folder
	for _, name := range []string{locked + lockSuffix, alone} {
		must(t, os.WriteFile(name, nil, 0o600))
	}
	left = append(left, bare, locked, locked+lockSuffix, alone)

	other, err := Create(r.Path)
	must(t, err)
	seal, err := other.LockSeal(t.Context(), Owner{Who: "me"})
	must(t, err)
	must(t, seal.Unlock())
	other.Close()
	for _, name := range left {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("%s was left", name)
		}
	}
	if err := r.writeOnce(alive, "alive", []byte("text")); err != nil {
		t.Errorf("a workshop that is used: %v", err)
	}
	must(t, alive.Remove("alive"))
	r.Close()
	all, err := os.ReadDir(filepath.Join(r.Path, internal))
	must(t, err)
	if len(all) != 2 { // the locks and the reserve
		t.Errorf("there are %v", all)
	}
}

// TestSweepBesideMaking sweeps all the time while workshops are made: a new one
// that a sweeper takes for one that was left is made again, and one that is held stays.
func TestSweepBesideMaking(t *testing.T) {
	t.Parallel()
	sweeper, err := Create(filepath.Join(t.TempDir(), "root"))
	must(t, err)
	defer sweeper.Close()
	done := make(chan struct{})
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				sweeper.sweepWorkshops()
			}
		}
	})
	defer sweeping.Wait()
	defer close(done)
	for range 200 {
		r, err := Open(sweeper.Path)
		must(t, err)
		made, err := r.openWorkshop()
		if err == nil {
			err = r.writeOnce(made, "once", []byte("text"))
		}
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
}
