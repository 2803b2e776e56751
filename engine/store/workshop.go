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
	"phlb/engine/store/deletion"
)

// workshop is a folder of ours in which what is to appear in a single step is
// made first: so nothing that is not whole ever lies in a snapshot, and nobody
// who may write to a snapshot's directories can get at it. Every open root has
// one of its own. Beside the folder lies its lock, which is there before the folder
// and held until the folder is gone: what nobody holds was left by a kill.
type workshop struct {
	dir  *Dir
	name string
	lock *os.File
}

const (
	workshopPrefix = "new-"
	lockSuffix     = ".lock" // of a workshop's lock, after the name of the workshop
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

// newWorkshop makes one; it returns nil where a sweeper took the lock for one that
// was left, before it was held.
func newWorkshop(in *Dir) (*workshop, error) {
	w := &workshop{name: tempFile(workshopPrefix)}
	var err error
	if w.lock, err = in.OpenFile(w.name+lockSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	held, err := lock.TryLock(w.lock)
	if errors.Is(err, errors.ErrUnsupported) {
		held, err = true, nil
	}
	if err == nil && held {
		_, err = in.Look(w.name + lockSuffix)
	}
	if err != nil || !held {
		w.lock.Close()
		return nil, deletion.UnlessGone(err)
	}
	if w.dir, err = in.Mkdir(w.name); err != nil {
		w.clear(in)
		return nil, err
	}
	w.dir.DisinheritSelf()
	return w, nil
}

// clear removes the workshop: the lock goes last.
func (w *workshop) clear(in *Dir) error {
	err := deletion.Erase(in, w.name)
	if err != nil {
		w.lock.Close()
		return err
	}
	err = in.Remove(w.name + lockSuffix)
	w.lock.Close()
	if err != nil { // not every system removes what is open
		err = in.Remove(w.name + lockSuffix)
	}
	return err
}

func (r *Root) closeWorkshop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.workshop
	r.workshop = nil
	if w == nil {
		return
	}
	w.dir.Close() // not every system removes what is open
	in, err := r.ours()
	if err != nil {
		w.lock.Close()
		return
	}
	defer in.Close()
	w.clear(in) // else the next one sweeps it
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
		if strings.HasPrefix(c.Name, workshopPrefix) {
			sweepWorkshop(in, strings.TrimSuffix(c.Name, lockSuffix))
		}
	}
}

// sweepWorkshop removes a workshop whose lock nobody holds: it is held until all is
// gone. Where the kernel has no locks, the age tells.
func sweepWorkshop(in *Dir, name string) {
	file, err := in.OpenFile(name+lockSuffix, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		deletion.Erase(in, name) // its lock is gone, and so is who made it
		return
	}
	if err != nil {
		return
	}
	held, err := lock.TryLock(file)
	if errors.Is(err, errors.ErrUnsupported) {
		held, err = isOld(in, name), nil
	}
	if err != nil || !held {
		file.Close()
		return
	}
	(&workshop{name: name, lock: file}).clear(in)
}

// isOld reports whether a workshop, or its lock where that is all there is, was last
// changed more than a day ago.
func isOld(in *Dir, name string) bool {
	i, err := in.Look(name)
	if errors.Is(err, fs.ErrNotExist) {
		i, err = in.Look(name + lockSuffix)
	}
	return err == nil && time.Since(i.Mtime.Time()) > 24*time.Hour
}
