package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// beat is how often the holder of a lock gives a sign of life.
	beat = 10 * time.Second
	// silence is for how long a holder may give none before it seems dead.
	silence = 2 * time.Minute
	// ask is how often one who waits for a holder on another host looks.
	ask = time.Second / 2
)

// Owner is who holds a lock.
type Owner struct {
	Who   string    `json:"who"`            // as others are told: "pid 17 on laptop"
	Host  string    `json:"host"`           // its name
	Boot  string    `json:"boot,omitempty"` // its boot id, empty where there is none
	Since time.Time `json:"since"`
}

// Holder is an Owner as others see it.
type Holder struct {
	Owner
	Silence time.Duration // since its last sign of life, by the clock of the root's file system
}

// Silent reports whether the holder seems to be dead.
func (h *Holder) Silent() bool { return h.Silence > silence }

// gone reports whether the holder surely is dead: it was a process of this
// machine, and the kernel's lock is ours, or else the machine was started anew
// or there is no sign of life. Machines are told apart by their names.
func (h *Holder) gone(us Owner, kernel bool) bool {
	return h.Host == us.Host && (kernel || h.Boot != us.Boot || h.Silent())
}

// records are those of one lock: files in a folder of their own, called 1, 2,
// 3 … The highest says who holds the lock, or if it is empty, that nobody does.
// To take the lock is to make the next one, with its content, by a hard link:
// only one can succeed in that, on whichever host. So nobody who found the
// holder dead can ever push aside one that came meanwhile.
type records struct{ dir string }

// record is the one by which a lock is held.
type record struct {
	set    *records
	number int
}

// kept is how many records stay below the highest: a listing that runs
// alongside may miss one that is removed and one that is made.
const kept = 4

// holders is the folder of the records of all locks.
const holders = "held"

func (r *Root) records(key string) (*records, error) {
	dir := filepath.Join(r.Path, internal, locks, holders, key)
	return &records{dir}, os.MkdirAll(dir, 0o777)
}

func (r *record) path() string { return r.set.path(r.number) }

func (s *records) path(number int) string { return filepath.Join(s.dir, strconv.Itoa(number)) }

// release says that nobody holds the lock, unless somebody else does.
func (r *record) release() error {
	err := os.Truncate(r.path(), 0)
	if errors.Is(err, fs.ErrNotExist) { // broken, and taken several times
		return nil
	}
	return err
}

// top returns the highest number, 0 if there is no record.
func (s *records) top() (top int, err error) {
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			top = max(top, n)
		}
	}
	return top, err
}

// read returns the holder that a record names, with the time of its last sign
// of life; nil if there is none.
func (s *records) read(number int) (*Owner, time.Time, error) {
	f, err := os.Open(s.path(number)) // opened first: network file systems look again then
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, time.Time{}, err
	}
	o := &Owner{}
	if err := json.NewDecoder(f).Decode(o); err != nil {
		if info, err := f.Stat(); err == nil && info.Size() == 0 { // released as it was read
			return nil, time.Time{}, nil
		}
	}
	if o.Who == "" {
		o.Who = "another phlb"
	}
	return o, info.ModTime(), nil
}

// holder returns who holds the lock, a zero Holder if nobody does.
func (s *records) holder() (Holder, error) {
	top, err := s.top()
	if err != nil {
		return Holder{}, err
	}
	return s.holderOf(top)
}

// holderOf is holder for the highest number.
func (s *records) holderOf(top int) (Holder, error) {
	o, seen, err := s.read(top)
	if err != nil || o == nil {
		return Holder{}, err
	}
	now, err := s.now()
	return Holder{*o, now.Sub(seen)}, err
}

// now is the present by the clock of the file system, which is that of every
// host's signs of life.
func (s *records) now() (time.Time, error) {
	f, err := os.CreateTemp(s.dir, "now-")
	if err != nil {
		return time.Time{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// take takes the lock for owner, or returns who else holds it. With wait it
// waits for one who seems to be alive. The kernel's lock says that no other
// process of this boot holds this one.
func (s *records) take(ctx context.Context, owner Owner, kernel, wait bool) (*record, *Holder, error) {
	for {
		top, err := s.top()
		if err != nil {
			return nil, nil, err
		}
		other, err := s.holderOf(top)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case other.Who == "" || other.gone(owner, kernel):
			if r, err := s.make(top+1, owner); r != nil || err != nil {
				return r, nil, err
			} // else somebody was quicker
		case other.Silent() || !wait:
			return nil, &other, nil
		default:
			select {
			case <-ctx.Done():
				return nil, nil, context.Cause(ctx)
			case <-time.After(ask):
			}
		}
	}
}

// make makes the record of that number; it returns nil where another has.
func (s *records) make(number int, owner Owner) (*record, error) {
	f, err := os.CreateTemp(s.dir, "new-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	err = json.NewEncoder(f).Encode(owner)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return nil, err
	}
	r := &record{s, number}
	err = os.Link(f.Name(), r.path())
	if errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// That number may have been made before, and removed: then higher ones are
	// there.
	top, err := s.top()
	if err != nil {
		return nil, errors.Join(err, r.release())
	}
	if top != number {
		return nil, os.Remove(r.path())
	}
	s.sweep(number)
	return r, nil
}

// sweep removes what nobody needs any more, if it can.
func (s *records) sweep(top int) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	now, err := s.now()
	if err != nil {
		return
	}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		old := err == nil && n < top-kept
		if strings.Contains(e.Name(), "-") { // left by a kill
			info, err := e.Info()
			old = err == nil && now.Sub(info.ModTime()) > silence
		}
		if old {
			os.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
}

// Held is a lock that somebody holds.
type Held struct {
	Name string // of the backup; "" for a lock of the root itself
	What string // such as `backup "documents"`
	Gone bool   // its holder surely is dead, and the next who wants the lock has it
	Holder
}

// Locks returns the locks that are held, or were left, by name. Of holders on
// the machine of us it can tell whether they are dead.
func (r *Root) Locks(us Owner) ([]Held, error) {
	entries, err := os.ReadDir(filepath.Join(r.Path, internal, locks, holders))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list locks: %w", err)
	}
	var all []Held
	for _, e := range entries {
		set, err := r.records(e.Name())
		if err != nil {
			return nil, fmt.Errorf("list locks: %w", err)
		}
		holder, err := set.holder()
		if err != nil {
			return nil, fmt.Errorf("list locks: %w", err)
		}
		if holder.Who != "" {
			what, _ := r.explain(e.Name())
			gone := holder.Host == us.Host && r.isGone(e.Name(), &holder, us)
			all = append(all, Held{nameOf(e.Name()), what, gone, holder})
		}
	}
	return all, nil
}

// isGone asks the kernel, by taking its lock for a moment, whether the holder on
// this machine is dead. Where that cannot be asked it is taken to be alive.
func (r *Root) isGone(key string, holder *Holder, us Owner) bool {
	kernel, free, err := r.lockKernel(context.Background(), key, false)
	if err != nil {
		return false
	}
	defer kernel.Unlock()
	return free && holder.gone(us, kernel.Locked())
}

// Break breaks the lock of a name, or with "" those of the root itself, and
// returns what it broke. The error is a [*LockedError] where a holder may be
// alive, unless force is set.
func (r *Root) Break(ctx context.Context, name string, owner Owner, force bool) (broken []Held, err error) {
	keys := []string{sealKey, trash}
	if name != "" {
		keys = []string{nameKey(name)}
	}
	for _, key := range keys {
		what, _ := r.explain(key)
		holder, gone, err := r.breakLock(ctx, key, owner, force)
		if holder != nil {
			broken = append(broken, Held{name, what, gone, *holder})
		}
		if _, locked := errors.AsType[*LockedError](err); err != nil && !locked {
			err = fmt.Errorf("unlock %s: %w", what, err)
		}
		if err != nil {
			return broken, err
		}
	}
	return broken, nil
}

// breakLock returns who held the lock, nil if nobody did, and whether that one
// surely is dead.
func (r *Root) breakLock(ctx context.Context, key string, owner Owner, force bool) (_ *Holder, gone bool, err error) {
	set, err := r.records(key)
	if err != nil {
		return nil, false, err
	}
	kernel, free, err := r.lockKernel(ctx, key, false)
	if err != nil {
		return nil, false, err
	}
	defer kernel.Unlock()
	for {
		top, err := set.top()
		if err != nil {
			return nil, false, err
		}
		holder, err := set.holderOf(top)
		if err != nil || holder.Who == "" {
			return nil, false, err
		}
		gone = free && holder.gone(owner, kernel.Locked())
		if !gone && !(free && holder.Silent()) && !force {
			what, _ := r.explain(key)
			return nil, false, &LockedError{What: what, Holder: holder.Who}
		}
		next, err := set.make(top+1, owner)
		if err != nil {
			return nil, false, err
		}
		if next != nil {
			return &holder, gone, next.release()
		}
	}
}
