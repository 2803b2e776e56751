package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"

	"phlb/engine/lock"
	"phlb/engine/store/deletion"
)

// Locks of a root are those of package lock.
type (
	Lock        = lock.Lock
	Owner       = lock.Owner
	Holder      = lock.Holder
	LockedError = lock.Error
)

// ErrLost says that somebody broke a lock that was held.
var ErrLost = lock.ErrLost

// locks is the folder of locks in the folder of ours.
const locks = "locks"

// Names of the locks of a root. That of a backup name begins with nameLock.
const (
	nameLock  = "name-"
	sealLock  = "seal"  // held for one seal at a time
	trashLock = "trash" // held by who deletes what was removed
)

// sealPatience is enough for whoever holds the lock of the seal for the moments
// that a seal takes. Whatever holds it for longer is no seal.
const sealPatience = time.Minute

// locks returns the folder of the locks of the root.
func (r *Root) locks() *lock.Folder {
	return &lock.Folder{Open: func(names ...string) (*Dir, error) {
		return r.ours(append([]string{locks}, names...)...)
	}}
}

// backupOf returns the backup name whose lock is called so, "" for a lock of the
// root itself.
func backupOf(lockName string) string {
	backup, ok := strings.CutPrefix(lockName, nameLock)
	if !ok {
		return ""
	}
	return backup
}

// key returns the key of the lock of that name.
func (r *Root) key(lockName string) lock.Key {
	k := lock.Key{Name: lockName, What: "the backup root " + r.Path, Break: "phlb unlock --root"}
	if backup := backupOf(lockName); backup != "" {
		k.What, k.Break = fmt.Sprintf("backup %q", backup), "phlb unlock "+shellescape.Quote(backup)
	} else if lockName == trashLock {
		k.What = "what was removed"
	}
	return k
}

// LockName takes the lock of one writer per backup name. If another holds it,
// the error is a [*LockedError]; with wait the call waits for it or ctx, unless
// the other seems to be dead.
func (r *Root) LockName(ctx context.Context, name string, owner Owner, wait bool) (*Lock, error) {
	if err := r.CheckFolder(name); err != nil {
		return nil, err
	}
	patience := time.Duration(0)
	if wait {
		patience = lock.Forever
	}
	l, err := r.take(ctx, nameLock+name, owner, patience)
	if err != nil {
		return nil, err
	}
	// Whoever had the lock before may have made the folder, under a name that the file
	// system takes for the same.
	if err := r.CheckFolder(name); err != nil {
		l.Unlock()
		return nil, err
	}
	return l, nil
}

// take takes a lock of the root.
func (r *Root) take(ctx context.Context, name string, owner Owner, patience time.Duration) (*Lock, error) {
	l, err := r.locks().Take(ctx, r.key(name), owner, patience)
	if _, held := errors.AsType[*LockedError](err); err != nil && !held && ctx.Err() == nil {
		err = rootError(r.Path, err)
	}
	return l, err
}

// LockSeal takes the lock of one seal at a time per root. Everybody waits for it,
// but not for ever: then the error is a [*LockedError].
func (r *Root) LockSeal(ctx context.Context, owner Owner) (l *Lock, err error) {
	err = r.tidying(func() (err error) {
		l, err = r.take(ctx, sealLock, owner, sealPatience)
		return err
	})
	return l, err
}

// Held is a lock that somebody holds, or has left.
type Held struct {
	Name   string // of the backup; "" for a lock of the root itself
	What   string // what is locked, such as `backup "documents"`
	Gone   bool   // its holder surely is dead, and the next who wants the lock has it
	Holder        // the one who holds it
}

// Locks returns the locks that are held, or were left, by name. Of holders on
// the machine of us it can tell whether they are dead.
func (r *Root) Locks(us Owner) (all []Held, err error) {
	names, err := r.lockNames()
	for _, name := range names {
		var holder Holder
		var gone bool
		key := r.key(name)
		if holder, gone, err = r.locks().Holder(key, us); err != nil {
			break
		}
		if holder.Who != "" {
			all = append(all, Held{backupOf(name), key.What, gone, holder})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list locks: %w", err)
	}
	return all, nil
}

// lockNames returns the names of the locks that were ever taken.
func (r *Root) lockNames() ([]string, error) {
	dir, err := r.dir.Descend(internal + "/" + locks + "/" + lock.Records)
	if err != nil {
		return nil, deletion.UnlessGone(err)
	}
	defer dir.Close()
	return dir.Names()
}

// Break breaks the lock of a backup name, or with "" those of the root itself, and
// returns what it broke. The error is a [*LockedError] where a holder may be
// alive, unless force is set.
func (r *Root) Break(ctx context.Context, name string, owner Owner, force bool) (broken []Held, err error) {
	names := []string{sealLock, trashLock}
	if name != "" {
		names = []string{nameLock + name}
	}
	for _, lockName := range names {
		key := r.key(lockName)
		holder, gone, err := r.locks().Break(ctx, key, owner, force)
		if holder.Who != "" {
			broken = append(broken, Held{name, key.What, gone, holder})
		}
		if _, locked := errors.AsType[*LockedError](err); err != nil && !locked {
			err = fmt.Errorf("unlock %s: %w", key.What, err)
		}
		if err != nil {
			return broken, err
		}
	}
	return broken, nil
}
