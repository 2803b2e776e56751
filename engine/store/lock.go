package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gofrs/flock"
)

// sealKey is the key of the lock of one seal at a time.
const sealKey = "seal"

// again is how often one who waits for a lock asks.
const again = 100 * time.Millisecond

// LockedError says who holds a lock.
type LockedError struct {
	What   string // such as `backup "documents"`
	Holder string // such as "pid 17 on laptop", empty if not known
	// Silence is for how long the holder has given no sign of life, where that
	// is long enough to doubt that it still runs; else 0.
	Silence time.Duration
	Break   string // the command that breaks the lock
}

// Error returns the message.
func (e *LockedError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "another phlb"
	}
	if e.Silence > 0 {
		return fmt.Sprintf("%s is locked by %s, whose last sign of life is %s old; if that one is no longer running, %s and run again",
			e.What, holder, roughly(e.Silence), e.Break)
	}
	return e.What + " is locked by " + holder + "; wait for it, or run again with --wait"
}

// roughly writes a duration in its largest unit.
func roughly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// Lock is one that is held. It is made of two: one of the kernel's, which ends
// with the process however that comes about but on some network file systems
// says nothing to other hosts, and a record that every host can read.
type Lock struct {
	kernel *flock.Flock
	record *record
	beats  chan struct{} // closed to end them
	ended  chan struct{}
	unlock func() error
}

// Unlock releases the lock; a second time it does nothing. The kernel's file
// stays: removing it would let two processes lock two files of one name.
func (l *Lock) Unlock() error { return l.unlock() }

func (l *Lock) release() error {
	close(l.beats)
	<-l.ended
	return errors.Join(l.record.release(), l.kernel.Unlock())
}

// ErrLost says that somebody broke a lock that was held.
var ErrLost = errors.New("the lock was broken by another phlb")

// Held returns [ErrLost] where somebody broke the lock: the machine may have
// slept for so long that it was taken for dead.
func (l *Lock) Held() error {
	if top, err := l.record.set.top(); err != nil || top != l.record.number {
		return errors.Join(ErrLost, err)
	}
	return nil
}

// beat gives signs of life until the lock is released.
func (l *Lock) beat() {
	defer close(l.ended)
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-l.beats:
			return
		case <-ticker.C:
			touch(l.record.path()) // what hinders it hinders the backup too, and is said there
		}
	}
}

// LockName takes the lock of one writer per backup name. If another holds it,
// the error is a [*LockedError]; with wait the call waits for it or ctx, unless
// the other seems to be dead.
func (r *Root) LockName(ctx context.Context, name string, owner Owner, wait bool) (*Lock, error) {
	return r.lock(ctx, nameKey(name), owner, wait)
}

// LockSeal takes the lock of one seal at a time per root, for which everybody
// waits: it is held for moments.
func (r *Root) LockSeal(ctx context.Context, owner Owner) (*Lock, error) {
	return r.lock(ctx, sealKey, owner, true)
}

func nameKey(name string) string { return "name-" + name }

// nameOf returns the backup name that the lock of that key is of, "" if it is
// one of the root.
func nameOf(key string) string {
	name, ok := strings.CutPrefix(key, nameKey(""))
	if !ok {
		return ""
	}
	return name
}

// explain returns what the lock of that key is of, and the command that breaks
// it.
func (r *Root) explain(key string) (what, unlock string) {
	if name := nameOf(key); name != "" {
		return fmt.Sprintf("backup %q", name), "phlb unlock " + quoted(name)
	}
	if key == trash {
		return "what was removed", "phlb unlock --root"
	}
	return "the backup root " + r.Path, "phlb unlock --root"
}

// quoted quotes a name for a shell where that is needed.
func quoted(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.,+@", r)
	}) {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}

func (r *Root) lock(ctx context.Context, key string, owner Owner, wait bool) (*Lock, error) {
	what, unlock := r.explain(key)
	set, err := r.records(key)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", what, err)
	}
	kernel, held, err := r.lockKernel(ctx, key, wait)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", what, err)
	}
	if !held {
		holder, _ := set.holder() // only for the message
		return nil, &LockedError{What: what, Holder: holder.Who}
	}
	record, other, err := set.take(ctx, owner, kernel.Locked(), wait)
	switch {
	case err != nil:
		err = fmt.Errorf("lock %s: %w", what, err)
	case other != nil:
		locked := &LockedError{What: what, Holder: other.Who, Break: unlock}
		if other.Silent() {
			locked.Silence = other.Silence
		}
		err = locked
	}
	if err != nil {
		kernel.Unlock()
		return nil, err
	}
	l := &Lock{kernel: kernel, record: record, beats: make(chan struct{}), ended: make(chan struct{})}
	l.unlock = sync.OnceValue(l.release)
	go l.beat()
	return l, nil
}

// lockKernel takes the kernel's part of a lock. On a file system that has no
// such locks it reports held all the same: the record is what is left then.
func (r *Root) lockKernel(ctx context.Context, key string, wait bool) (l *flock.Flock, held bool, err error) {
	path := filepath.Join(r.Path, internal, locks, key)
	l = flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
	if held, err = l.TryLock(); err == nil && !held && wait {
		held, err = l.TryLockContext(ctx, again)
	}
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		err = context.Cause(ctx)
	case errors.Is(err, errors.ErrUnsupported), noLocks(err):
		held, err = true, nil
	}
	return l, held, err
}
