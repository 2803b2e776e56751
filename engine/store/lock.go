package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"al.essio.dev/pkg/shellescape"

	"phlb/engine/handle"
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
	// Waited is for how long it was waited for, where no more is.
	Waited time.Duration
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
	if e.Waited > 0 {
		return fmt.Sprintf("%s is locked by %s, also after %s of waiting; see what that one is at, and run again", e.What, holder, roughly(e.Waited))
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
	kernel *kernelLock
	set    *records
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
	defer l.set.close()
	return errors.Join(l.record.release(), l.kernel.unlock())
}

// ErrLost says that somebody broke a lock that was held.
var ErrLost = errors.New("the lock was broken by another phlb")

// Held returns [ErrLost] where somebody broke the lock: the machine may have
// slept for so long that it was taken for dead.
func (l *Lock) Held() error {
	if top, err := l.set.top(); err != nil || top != l.record.number {
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
			handle.Touch(l.record.file) // what hinders it hinders the backup too, and is said there
		}
	}
}

// patience is for how long one waits for a lock.
type patience time.Duration

const (
	none    patience = 0
	endless patience = math.MaxInt64
	// sealPatience is enough for whoever holds the lock of the seal for the moments
	// that a seal takes. Whatever holds it for longer is no seal.
	sealPatience = patience(time.Minute)
)

// LockName takes the lock of one writer per backup name. If another holds it,
// the error is a [*LockedError]; with wait the call waits for it or ctx, unless
// the other seems to be dead.
func (r *Root) LockName(ctx context.Context, name string, owner Owner, wait bool) (*Lock, error) {
	if err := r.CheckFolder(name); err != nil {
		return nil, err
	}
	if wait {
		return r.lock(ctx, nameKey(name), owner, endless)
	}
	return r.lock(ctx, nameKey(name), owner, none)
}

// LockSeal takes the lock of one seal at a time per root. Everybody waits for it,
// but not for ever: then the error is a [*LockedError].
func (r *Root) LockSeal(ctx context.Context, owner Owner) (lock *Lock, err error) {
	err = r.tidying(func() (err error) {
		lock, err = r.lock(ctx, sealKey, owner, sealPatience)
		return err
	})
	return lock, err
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
		return fmt.Sprintf("backup %q", name), "phlb unlock " + shellescape.Quote(name)
	}
	if key == trash {
		return "what was removed", "phlb unlock --root"
	}
	return "the backup root " + r.Path, "phlb unlock --root"
}

func (r *Root) lock(ctx context.Context, key string, owner Owner, wait patience) (*Lock, error) {
	what, unlock := r.explain(key)
	set, err := r.records(key)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", what, err)
	}
	l := &Lock{set: set, beats: make(chan struct{}), ended: make(chan struct{})}
	var other *Holder
	err = wait.within(ctx, func(ctx context.Context) (err error) {
		if l.kernel, err = r.lockKernel(ctx, key, wait > 0); err == nil {
			l.record, other, err = set.take(ctx, owner, l.kernel.held, wait > 0)
		}
		return err
	})
	_, isLocked := errors.AsType[*LockedError](err)
	switch {
	case isLocked, errors.Is(err, errWaited):
		locked := &LockedError{What: what}
		if holder, err := set.holder(); err == nil { // only for the message
			locked.Holder = holder.Who
		}
		if !isLocked {
			locked.Waited = time.Duration(wait)
		}
		err = locked
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
		l.kernel.unlock()
		set.close()
		return nil, err
	}
	l.unlock = sync.OnceValue(l.release)
	go l.beat()
	return l, nil
}

// errWaited ends a wait.
var errWaited = errors.New("waited long enough")

// within calls f with a context that ends with the patience.
func (p patience) within(ctx context.Context, f func(context.Context) error) error {
	if p == none || p == endless {
		return f(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(p), errWaited)
	defer cancel()
	return f(ctx)
}

// kernelLock is the kernel's part of a lock: nil where the file system has no
// such locks, and the record is what is left.
type kernelLock struct {
	file *os.File
	held bool
}

func (k *kernelLock) unlock() error {
	if k == nil {
		return nil
	}
	// A child that is being started has the file open too, until its program
	// begins: the lock would outlast this for a moment.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return k.file.Close() // which ends the lock
}

// lockKernel takes the kernel's part of a lock. The error is a [*LockedError]
// where another has it.
func (r *Root) lockKernel(ctx context.Context, key string, wait bool) (*kernelLock, error) {
	dir, err := r.ours(locks)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	file, err := dir.OpenFile(key, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := keepPrivate(file); err != nil {
		file.Close()
		return nil, err
	}
	for {
		held, err := handle.TryLock(file)
		if held || errors.Is(err, errors.ErrUnsupported) {
			return &kernelLock{file, held}, nil
		}
		if err == nil && !wait {
			err = &LockedError{}
		}
		if err == nil {
			select {
			case <-time.After(again):
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		file.Close()
		return nil, err
	}
}

// keepPrivate takes a lock from those who may read it and not write to it: the
// kernel locks a file that is open for reading, too.
func keepPrivate(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	mode := info.Mode().Perm()
	for shift := 0; shift <= 3; shift += 3 {
		if mode&(2<<shift) == 0 {
			mode &^= 7 << shift
		}
	}
	if mode == info.Mode().Perm() {
		return nil
	}
	if err := file.Chmod(mode); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
