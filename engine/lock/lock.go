// Package lock has locks that hold between processes and between hosts.
//
// Most callers have one [Folder], [Folder.Take] the lock of a [Key] there, and
// [Lock.Unlock] it. A holder that is killed loses the lock: on the same host at
// once, because the kernel tells; for other hosts it falls silent, and somebody
// breaks the lock.
//
// A lock is made of two parts. One is the kernel's, on an open file: it ends with
// the process however that comes about, but on some network file systems it says
// nothing to other hosts. The other is a record that every host can read, see
// records. The package does not promise that a holder which was taken for dead
// notices at once: before it changes what others may have taken over, it asks
// [Lock.Held].
package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
	"time"

	"phlb/engine/handle"
)

// again is how often one who waits for the kernel's part of a lock asks.
const again = 100 * time.Millisecond

// Forever is how long one waits for a lock who does not give up.
const Forever time.Duration = math.MaxInt64

// ErrLost says that somebody broke a lock that was held.
var ErrLost = errors.New("the lock was broken by another phlb")

// Folder is a folder of locks. In it, the kernel locks a file for each key, and the
// records of each key lie in a folder below [Records].
type Folder struct {
	// Open opens the folder that lies below this one by these names, and makes
	// what is missing on the way, for our eyes only.
	Open func(names ...string) (*handle.Writer, error)
}

// Records is the folder below a [Folder] that has a folder for every key of which
// the lock was ever taken.
const Records = "held"

// Key names a lock.
type Key struct {
	Name  string // of the lock's file
	What  string // what is locked, for messages: `backup "documents"`
	Break string // the command that breaks the lock, for messages
}

// Error says that another holds a lock.
type Error struct {
	What   string // what is locked, such as `backup "documents"`
	Holder string // such as "pid 17 on laptop", empty if not known
	// Silence is for how long the holder has given no sign of life, where that
	// is long enough to doubt that it still runs; else 0.
	Silence time.Duration
	Break   string        // the command that breaks the lock
	Waited  time.Duration // how long the caller has waited for the lock, where the wait is over; else 0
}

// Error returns the message.
func (e *Error) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = unknown
	}
	switch {
	case e.Silence > 0:
		return fmt.Sprintf("%s is locked by %s, whose last sign of life is %s old; if that one is no longer running, %s and run again",
			e.What, holder, roughly(e.Silence), e.Break)
	case e.Waited > 0:
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

// Lock is a lock that is held.
type Lock struct {
	kernel *kernelLock
	set    *records
	record *record
	beats  chan struct{} // closed to end the signs of life
	ended  chan struct{} // closed once there are no more
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

// Held returns [ErrLost] where somebody broke the lock: the machine may have
// slept for so long that the holder was taken for dead.
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
			handle.Touch(l.record.file) // what hinders it hinders the holder's work too, and is said there
		}
	}
}

// Take takes a lock. Where another holds it, the call waits for that one, but not
// for one that seems to be dead: for so long, not at all with 0, and with [Forever]
// until ctx ends. Then the error is an [*Error].
func (f *Folder) Take(ctx context.Context, key Key, owner Owner, wait time.Duration) (_ *Lock, err error) {
	set, err := f.records(key)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", key.What, err)
	}
	l := &Lock{set: set, beats: make(chan struct{}), ended: make(chan struct{})}
	if err := l.take(ctx, f, key, owner, wait); err != nil {
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

func (l *Lock) take(ctx context.Context, f *Folder, key Key, owner Owner, wait time.Duration) (err error) {
	if wait > 0 && wait < Forever {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, wait, errWaited)
		defer cancel()
	}
	var other *Holder
	if l.kernel, err = f.lockKernel(ctx, key, wait > 0); err == nil {
		l.record, other, err = l.set.take(ctx, owner, l.kernel.held, wait > 0)
	}
	locked := &Error{What: key.What}
	switch {
	case errors.Is(err, errWaited):
		locked.Waited = wait
		fallthrough
	case errors.Is(err, errLocked):
		if holder, err := l.set.holder(); err == nil { // only for the message
			locked.Holder = holder.Who
		}
		return locked
	case err != nil:
		return fmt.Errorf("lock %s: %w", key.What, err)
	case other == nil:
		return nil
	case other.Silent():
		locked.Silence = other.Silence
	}
	locked.Holder, locked.Break = other.Who, key.Break
	return locked
}

// kernelLock is the kernel's part of a lock: nil is one that is not held.
type kernelLock struct {
	file *os.File
	held bool // false where the file system has no such locks, and the record is what is left
}

func (k *kernelLock) unlock() error {
	if k == nil {
		return nil
	}
	if k.held {
		// A child that is being started has the file open too, until its program
		// begins: closed alone, the file would stay locked for a moment. Where this
		// fails, Close is what is left.
		_ = Unlock(k.file)
	}
	return k.file.Close()
}

// failed names the call and the file of an error.
func failed(call string, f *os.File, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: call, Path: f.Name(), Err: err}
}

// errLocked says that another process has the kernel's part of a lock.
var errLocked = errors.New("another process holds the lock")

// lockKernel takes the kernel's part of a lock. The error is errLocked where
// another has it, and nobody waits.
func (f *Folder) lockKernel(ctx context.Context, key Key, wait bool) (*kernelLock, error) {
	dir, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	file, err := dir.OpenFile(key.Name, os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, handle.ErrNotRegular) {
		return nil, fmt.Errorf(".phlb/locks/%s is in the place of a lock: %w: remove it", key.Name, handle.ErrNotRegular)
	}
	if err != nil {
		return nil, err
	}
	if err := keepPrivate(file); err != nil {
		file.Close()
		return nil, err
	}
	for {
		held, err := TryLock(file)
		if held || errors.Is(err, errors.ErrUnsupported) {
			return &kernelLock{file, held}, nil
		}
		if err == nil && !wait {
			err = errLocked
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
