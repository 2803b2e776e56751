package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"phlb/engine/handle"
	"phlb/engine/manifest"
)

// workshop is a folder of ours in which what is to appear in a single step is
// made first: so nothing that is not whole ever lies in a snapshot, and nobody
// who may write to a snapshot's directories can get at it. Every open root has
// one of its own, as long as it has the lock in it.
type workshop struct {
	dir  *Dir
	name string
	lock *os.File
}

const (
	workshopPrefix = "new-"
	workshopLock   = "lock"
)

// openWorkshop makes the workshop where it is missing, and sweeps those of
// processes that were killed. It is closed with the root.
func (r *Root) openWorkshop() (*Dir, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.workshop != nil {
		return r.workshop.dir, nil
	}
	r.sweepWorkshops()
	in, err := r.ours()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	w := &workshop{name: tempFile(workshopPrefix)}
	if w.dir, err = in.Mkdir(w.name); err != nil {
		return nil, err
	}
	w.dir.DisinheritSelf()
	w.lock, err = w.dir.OpenFile(workshopLock, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		if _, err = handle.TryLock(w.lock); errors.Is(err, errors.ErrUnsupported) {
			err = nil
		}
	}
	if err != nil {
		w.dir.Close()
		return nil, errors.Join(err, erase(in, w.name))
	}
	r.workshop = w
	return w.dir, nil
}

func (r *Root) closeWorkshop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.workshop
	r.workshop = nil
	if w == nil {
		return
	}
	if in, err := r.ours(); err == nil {
		erase(in, w.name) // else the next one sweeps it
		in.Close()
	}
	w.lock.Close()
	w.dir.Close()
}

// sweepWorkshops removes those of processes that were killed, if it can.
func (r *Root) sweepWorkshops() {
	in, err := r.ours()
	if err != nil {
		return
	}
	defer in.Close()
	all, err := in.List()
	if err != nil {
		return
	}
	for _, c := range all {
		if c.Kind == manifest.Dir && strings.HasPrefix(c.Name, workshopPrefix) && isLeft(in, c.Name) {
			erase(in, c.Name)
		}
	}
}

// isLeft reports whether nobody works in a workshop any more. Where the kernel
// cannot tell, its age does.
func isLeft(in *Dir, name string) bool {
	dir, err := in.Open(name)
	if err != nil {
		return false
	}
	defer dir.Close()
	lock, err := dir.OpenFile(workshopLock, os.O_RDWR, 0)
	if err == nil {
		defer lock.Close()
		var free bool
		if free, err = handle.TryLock(lock); err == nil {
			return free
		}
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errors.ErrUnsupported) {
		return false
	}
	own, err := dir.Self()
	return err == nil && time.Since(own.Mtime.Time()) > 24*time.Hour
}
