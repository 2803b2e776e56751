package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// LockedError says who holds a lock.
type LockedError struct {
	What   string // such as `backup "documents"`
	Holder string // such as "pid 17 on laptop since …", empty if not known
}

// Error returns the message.
func (e *LockedError) Error() string {
	if e.Holder == "" {
		return e.What + " is locked by another phlb; wait for it, or run again with --wait"
	}
	return e.What + " is locked by " + e.Holder + "; wait for it, or run again with --wait"
}

// Lock is one that is held. The kernel releases it when the process ends,
// however that comes about.
type Lock struct{ lock *flock.Flock }

// Unlock releases the lock. The file stays: removing it would let two
// processes lock two files of one name.
func (l *Lock) Unlock() error { return l.lock.Unlock() }

// LockName takes the lock of one writer per backup name. If another holds it,
// the error is a [*LockedError], or with wait the call waits for it or ctx.
// The text owner is what others are told, see [LockedError.Holder].
func (r *Root) LockName(ctx context.Context, name, owner string, wait bool) (*Lock, error) {
	return r.lock(ctx, "name-"+name, fmt.Sprintf("backup %q", name), owner, wait)
}

// LockSeal takes the lock of one seal at a time per root, for which everybody
// waits: it is held for moments.
func (r *Root) LockSeal(ctx context.Context, owner string) (*Lock, error) {
	return r.lock(ctx, "seal", "the backup root "+r.Path, owner, true)
}

func (r *Root) lock(ctx context.Context, file, what, owner string, wait bool) (*Lock, error) {
	path := filepath.Join(r.Path, internal, locks, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("lock %s: %w", what, err)
	}
	l := flock.New(path, flock.SetPermissions(0o666))
	held, err := l.TryLock()
	if err == nil && !held && wait {
		held, err = l.TryLockContext(ctx, 100*time.Millisecond)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", what, err)
	}
	if !held {
		holder, _ := os.ReadFile(path) // only for the message
		return nil, &LockedError{what, strings.TrimSpace(string(holder))}
	}
	// Written in place: the lock is on this very file.
	if err := os.WriteFile(path, []byte(owner+"\n"), 0o666); err != nil {
		l.Unlock()
		return nil, fmt.Errorf("lock %s: %w", what, err)
	}
	return &Lock{l}, nil
}
