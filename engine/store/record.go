package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
type records struct{ dir *Dir }

// record is the one by which a lock is held. Its file stays open: whatever comes
// to lie in its place is not ours to write to.
type record struct {
	set    *records
	number int
	file   *os.File
}

// kept is how many records stay below the highest: a listing that runs
// alongside may miss one that is removed and one that is made.
const kept = 4

const (
	newRecord = "new-" // begins the name of a record that is being made
	nowFile   = "now-" // and that of a file that tells the time
)

// holders is the folder of the records of all locks.
const holders = "held"

const (
	// maxRecord is how long a record may be.
	maxRecord = 4 << 10
	// maxNumber is more than a lock can be taken for.
	maxNumber = 1 << 40
)

// records opens those of a lock. The caller closes them.
func (r *Root) records(key string) (*records, error) {
	dir, err := r.ours(locks, holders, key)
	if err != nil {
		return nil, err
	}
	return &records{dir}, nil
}

func (s *records) close() { s.dir.Close() }

// release says that nobody holds the lock, unless somebody else does.
func (r *record) release() error {
	return errors.Join(r.file.Truncate(0), r.file.Close())
}

// top returns the highest number, 0 if there is no record.
func (s *records) top() (top int, err error) {
	names, err := s.dir.Names()
	for _, name := range names {
		n, ok := number(name)
		if !ok {
			continue
		}
		if n > maxNumber {
			return 0, fmt.Errorf("%s is no record of a lock, its number is too high: remove it", name)
		}
		top = max(top, n)
	}
	return top, err
}

// number returns that of a record of that name.
func number(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && strconv.Itoa(n) == name && n > 0
}

// read returns the holder that a record names, with the time of its last sign
// of life; nil if there is none.
func (s *records) read(number int) (*Owner, time.Time, error) {
	f, err := s.dir.Read(strconv.Itoa(number)) // opened first: network file systems look again then
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
	if info.Size() > maxRecord {
		return nil, time.Time{}, fmt.Errorf("%d is no record of a lock, it is longer than %d bytes: remove it", number, maxRecord)
	}
	o := &Owner{}
	if err := json.NewDecoder(io.LimitReader(f, maxRecord)).Decode(o); err != nil {
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
	name := tempFile(nowFile)
	f, err := s.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if IsFull(err) {
		s.makeRoom()
		f, err = s.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return time.Time{}, err
	}
	defer s.dir.Remove(name)
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
	r, err := s.tryMake(number, owner)
	if IsFull(err) {
		s.makeRoom()
		r, err = s.tryMake(number, owner)
	}
	return r, err
}

func (s *records) tryMake(number int, owner Owner) (_ *record, err error) {
	temp, name := tempFile(newRecord), strconv.Itoa(number)
	r := &record{set: s, number: number}
	if r.file, err = s.dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	defer s.dir.Remove(temp)
	if err = json.NewEncoder(r.file).Encode(owner); err == nil {
		err = s.dir.Link(s.dir, temp, name)
	}
	if err != nil {
		r.file.Close()
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) { // swept by who made it
			return nil, nil
		}
		return nil, err
	}
	// That number may have been made before, and removed: then higher ones are
	// there.
	top, err := s.top()
	if err != nil {
		return nil, errors.Join(err, r.release())
	}
	if top != number {
		r.file.Close()
		return nil, s.dir.Remove(name)
	}
	s.sweep(number - kept)
	return r, nil
}

// makeRoom removes also records that are kept for safety, where no inode is left
// for another one.
func (s *records) makeRoom() {
	if top, err := s.top(); err == nil {
		s.sweep(top)
	}
}

// sweep removes records below a number, and what was left by a kill, if it can. Who
// is making a record meanwhile begins again, and for the time a file needs no name.
func (s *records) sweep(below int) {
	names, err := s.dir.Names()
	if err != nil {
		return
	}
	for _, name := range names {
		if n, ok := number(name); ok && n < below || strings.HasPrefix(name, newRecord) || strings.HasPrefix(name, nowFile) {
			s.dir.Remove(name)
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
func (r *Root) Locks(us Owner) (all []Held, err error) {
	keys, err := r.keys()
	for _, key := range keys {
		var holder Holder
		if holder, err = r.holder(key); err != nil {
			break
		}
		if holder.Who != "" {
			what, _ := r.explain(key)
			gone := holder.Host == us.Host && r.isGone(key, &holder, us)
			all = append(all, Held{nameOf(key), what, gone, holder})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list locks: %w", err)
	}
	return all, nil
}

// keys returns those of the locks that were ever taken.
func (r *Root) keys() ([]string, error) {
	dir, err := r.dir.Descend(internal + "/" + locks + "/" + holders)
	if err != nil {
		return nil, unlessGone(err)
	}
	defer dir.Close()
	return dir.Names()
}

func (r *Root) holder(key string) (Holder, error) {
	set, err := r.records(key)
	if err != nil {
		return Holder{}, err
	}
	defer set.close()
	return set.holder()
}

// isGone asks the kernel, by taking its lock for a moment, whether the holder on
// this machine is dead. Where that cannot be asked it is taken to be alive.
func (r *Root) isGone(key string, holder *Holder, us Owner) bool {
	kernel, err := r.lockKernel(context.Background(), key, false)
	if err != nil {
		return false
	}
	defer kernel.unlock()
	return holder.gone(us, kernel.held)
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
	defer set.close()
	kernel, err := r.lockKernel(ctx, key, false)
	_, locked := errors.AsType[*LockedError](err)
	if err != nil && !locked {
		return nil, false, err
	}
	defer kernel.unlock()
	free := !locked
	for {
		top, err := set.top()
		if err != nil {
			return nil, false, err
		}
		holder, err := set.holderOf(top)
		if err != nil || holder.Who == "" {
			return nil, false, err
		}
		gone = free && holder.gone(owner, kernel.held)
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
