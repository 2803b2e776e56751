package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"phlb/engine/testenv"
	"testing"

	"golang.org/x/sys/unix"
)

// tiny mounts a tmpfs of few inodes.
func tiny(t *testing.T) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "at")
	must(t, os.Mkdir(at, 0o755))
	testenv.Mount(t, "-t", "tmpfs", "-o", "size=8m,nr_inodes=100", "tmpfs", at)
	return at
}

func useUp(t *testing.T, dir string) {
	t.Helper()
	for n := 0; ; n++ {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint("fill", n)))
		if errors.Is(err, unix.ENOSPC) {
			return
		}
		must(t, err)
		f.Close()
	}
}

// A lock that was taken before can be had without an inode that is free, also where
// the reserve is used up, and after a holder that was killed.
func TestLockWithoutInodes(t *testing.T) {
	r, err := Create(filepath.Join(tiny(t), "root"))
	must(t, err)
	defer r.Close()
	for range 3 {
		lock, err := r.LockName(t.Context(), "docs", Owner{Who: "us"}, false)
		must(t, err)
		must(t, lock.Unlock())
	}
	r.Draw()
	r.drawn.Store(false)
	useUp(t, r.Path)
	for range 3 {
		lock, err := r.LockName(t.Context(), "docs", Owner{Who: "us"}, false)
		must(t, err)
		must(t, lock.Held())
		must(t, lock.Unlock())
	}
}

// A lock needs no block: where none is left, and no reserve, it is held by nobody
// knows whom.
func TestLockWithoutBlocks(t *testing.T) {
	t.Parallel()
	for what, root := range map[string]func(t *testing.T) *Root{
		"ext4": func(t *testing.T) *Root { return loopMount(t, 8<<20, "mkfs.ext4", "-q", "-m", "0") },
		"tmpfs": func(t *testing.T) *Root {
			r, err := Create(filepath.Join(tiny(t), "root"))
			must(t, err)
			t.Cleanup(r.Close)
			return r
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := root(t)
			lock, err := r.LockName(t.Context(), "docs", Owner{Who: "us"}, false)
			must(t, err)
			must(t, lock.Unlock())
			r.Draw()
			r.drawn.Store(false)
			f, err := os.Create(filepath.Join(r.Path, "fill"))
			must(t, err)
			defer f.Close()
			for size := 1 << 20; size > 0; {
				if n, err := f.Write(make([]byte, size)); err != nil {
					size = min(size/2, max(n, size/2))
				}
			}
			trash, err := r.OpenTrash(t.Context(), Owner{Who: "us"}) // for the first time
			must(t, err)
			must(t, trash.Close())
			for range 3 {
				lock, err := r.LockName(t.Context(), "docs", Owner{Who: "us", Host: "here"}, false)
				must(t, err)
				must(t, lock.Held())
				all, err := r.Locks(Owner{Who: "others", Host: "there"})
				if err != nil || len(all) != 1 || all[0].Name != "docs" || all[0].Who != "another phlb" {
					t.Errorf("locks are %+v, %v", all, err)
				}
				must(t, lock.Unlock())
			}
			if all, err := r.Locks(Owner{Who: "us"}); len(all) > 0 || err != nil {
				t.Errorf("once it is released, locks are %+v, %v", all, err)
			}
		})
	}
}

// What Draw sets free is enough for locks that were never taken, and is kept again
// by whoever closes the root.
func TestReserve(t *testing.T) {
	r, err := Create(filepath.Join(tiny(t), "root"))
	must(t, err)
	useUp(t, r.Path)
	if _, err := r.LockName(t.Context(), "docs", Owner{Who: "us"}, false); !IsFull(err) {
		t.Fatalf("lock of a full root: %v", err)
	}
	lock, err := r.LockSeal(t.Context(), Owner{Who: "us"}) // draws
	must(t, err)
	must(t, lock.Unlock())
	must(t, r.AppendJournal("head\n", "line\n"))
	for n := range 10 {
		must(t, os.Remove(filepath.Join(r.Path, fmt.Sprint("fill", n))))
	}
	r.Close()
	if i, err := os.Stat(filepath.Join(r.Path, internal, reserve, reserveRoom)); err != nil || i.Size() != reserveSize {
		t.Errorf("nothing is kept again: %v", err)
	}
}
