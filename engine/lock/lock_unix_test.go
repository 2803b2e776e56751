//go:build unix

package lock

import (
	"syscall"
	"testing"
)

// A process that is being started has the files of its parent open, until its
// program begins. The lock that the parent releases meanwhile is free.
func TestUnlockBesideAChild(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	lock, err := f.Take(t.Context(), docs, Owner{Who: "me"}, 0)
	must(t, err)
	child, err := syscall.Dup(int(lock.kernel.file.Fd()))
	must(t, err)
	defer syscall.Close(child)
	must(t, lock.Unlock())
	lock, err = f.Take(t.Context(), docs, Owner{Who: "me again"}, 0)
	must(t, err)
	must(t, lock.Unlock())
}
