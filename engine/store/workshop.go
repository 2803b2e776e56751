package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"phlb/engine/lock"
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
	const tries = 100
	for range tries {
		if r.workshop, err = newWorkshop(in); err != nil {
			return nil, err
		}
		if r.workshop != nil {
			return r.workshop.dir, nil
		}
	}
	return nil, fmt.Errorf("cannot hold a lock in %s", filepath.Join(r.Path, internal))
}

// newWorkshop makes one; it returns nil where a sweeper took it for one that was
// left before it was locked, or even before it was opened.
func newWorkshop(in *Dir) (_ *workshop, err error) {
	w := &workshop{name: tempFile(workshopPrefix)}
	if w.dir, err = in.Mkdir(w.name); err != nil {
		return nil, unlessGone(err)
	}
	w.dir.DisinheritSelf()
	free := false
	w.lock, err = w.dir.OpenFile(workshopLock, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		free, err = lock.TryLock(w.lock)
		if errors.Is(err, errors.ErrUnsupported) {
			free, err = true, nil
		}
	}
	if err == nil && free {
		if _, err = w.dir.Look(workshopLock); err == nil {
			return w, nil
		}
	}
	if w.lock != nil {
		w.lock.Close()
	}
	w.dir.Close()
	if unlessGone(err) == nil {
		return nil, nil
	}
	return nil, errors.Join(err, erase(in, w.name))
}

func (r *Root) closeWorkshop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.workshop
	r.workshop = nil
	if w == nil {
		return
	}
	// Not every system removes what is open. Who sweeps the workshop meanwhile does
	// what is done here.
	w.lock.Close()
	w.dir.Close()
	if in, err := r.ours(); err == nil {
		erase(in, w.name) // else the next one sweeps it
		in.Close()
	}
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
		if c.Kind == manifest.Dir && strings.HasPrefix(c.Name, workshopPrefix) {
			sweepWorkshop(in, c.Name)
		}
	}
}

// sweepWorkshop removes a workshop in which nobody works any more: its lock is
// free. Where there is no lock yet, or the kernel has none, the age tells.
func sweepWorkshop(in *Dir, name string) {
	dir, err := in.Open(name)
	if err != nil {
		return
	}
	defer dir.Close()
	own, err := dir.Self()
	if err != nil {
		return
	}
	old := time.Since(own.Mtime.Time()) > 24*time.Hour
	file, err := dir.OpenFile(workshopLock, os.O_RDWR, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && old {
			erase(in, name)
		}
		return
	}
	free, err := lock.TryLock(file)
	if errors.Is(err, errors.ErrUnsupported) {
		free, err = old, nil
	}
	if err != nil || !free {
		file.Close()
		return
	}
	// Locked until all is gone: else its maker could lock it in between, and work in
	// what is being removed. A system that removes nothing that is open has left the
	// folder until now.
	err = erase(in, name)
	file.Close()
	if err != nil {
		erase(in, name)
	}
}
