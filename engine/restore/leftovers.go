package restore

import (
	"io"
	"time"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// leftovers removes the temporary files that a restore that was killed has left in the
// target, in each folder that this restore comes to. It removes nothing where another
// restore may be at work.
type leftovers struct {
	lock   io.Closer // of the directory that is restored into; nil where nothing is removed
	before time.Time // a file that was changed later is of a restore that began meanwhile
}

func (l *leftovers) open(landing string) {
	before := time.Now() // taken first: whoever comes once this restore has the lock comes later
	if lock, held, err := store.TryFolder(landing); err == nil && held {
		l.lock, l.before = lock, before
	}
}

func (l *leftovers) close() {
	if l.lock != nil {
		l.lock.Close()
	}
}

// sweep removes the names in dir that are left over, if it can, and returns the others.
func (l *leftovers) sweep(dir *store.Dir, names []string) (others []string) {
	for _, name := range names {
		if l.lock == nil || !store.IsTemp(name) || !l.remove(dir, name) {
			others = append(others, name)
		}
	}
	return others
}

func (l *leftovers) remove(dir *store.Dir, name string) bool {
	i, err := dir.Look(name)
	if err != nil || !i.Ctime.Time().Before(l.before) {
		return false
	}
	if i.Kind != manifest.Dir {
		return dir.Remove(name) == nil
	}
	// Where others may write, a file is made in a temporary folder of its own.
	in, err := dir.Open(name)
	if err != nil {
		return false
	}
	defer in.Close()
	all, err := in.Names()
	for _, name := range all {
		in.Remove(name)
	}
	return err == nil && dir.RemoveDir(name) == nil
}
