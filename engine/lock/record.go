package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"phlb/engine/handle"
)

const (
	// beat is how often the holder of a lock gives a sign of life.
	beat = 10 * time.Second
	// silence is for how long a holder may give none before it seems dead.
	silence = 2 * time.Minute
	// ask is how often one who waits for a holder on another host looks.
	ask = time.Second / 2
)

// Owner is a process that holds a lock, or wants one.
type Owner struct {
	Who   string    `json:"who"`            // as others are told: "pid 17 on laptop"
	Host  string    `json:"host"`           // the name of its host
	Boot  string    `json:"boot,omitempty"` // the boot id of its host, empty where there is none
	Since time.Time `json:"since"`          // when it began
}

// unknown is what an owner is called of whom no record tells.
const unknown = "another phlb"

// Holder is the owner that holds a lock, as others see it. The zero Holder is that
// of a lock that nobody holds.
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

// records are the records of one lock: files in a folder of their own, called 1, 2,
// 3 … The highest says who holds the lock, or if it is empty, that nobody does.
// To take the lock is to make the next one, with its content, by a hard link:
// only one can succeed in that, on whichever host. So nobody who found the
// holder dead can ever push aside one that came meanwhile.
type records struct {
	dir  *handle.Writer
	path string // of dir below the folder of locks, for messages
}

// record is the record by which a lock is held. Its file stays open: whatever comes
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
	nowFile   = "now-" // begins the name of a file that tells the time
)

const (
	// maxRecord is how many bytes a record may have.
	maxRecord = 4 << 10
	// maxNumber is more often than a lock is taken, and fits an int of 32 bits.
	maxNumber = 1 << 30
)

// records opens the records of a lock. The caller closes them.
func (f *Folder) records(key Key) (*records, error) {
	dir, err := f.Open(Records, key.Name)
	if err != nil {
		return nil, err
	}
	return &records{dir, path.Join(Records, key.Name)}, nil
}

func (s *records) close() { s.dir.Close() }

// temporary makes an empty file that nobody else has, whose name begins with prefix.
func (s *records) temporary(prefix string) (_ *os.File, name string, err error) {
	name = fmt.Sprintf("%s%016x", prefix, rand.Uint64())
	f, err := s.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return f, name, err
}

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
			return 0, fmt.Errorf("%s is no record of a lock, its number is too high: remove it", path.Join(s.path, name))
		}
		top = max(top, n)
	}
	return top, err
}

// number returns the number of a record of that name, and whether it is one.
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
	if errors.Is(err, handle.ErrNotRegular) {
		return nil, time.Time{}, fmt.Errorf("%s/%d is in the place of a record of a lock: %w: remove it", s.path, number, handle.ErrNotRegular)
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
		return nil, time.Time{}, fmt.Errorf("%s/%d is no record of a lock, it is longer than %d bytes: remove it", s.path, number, maxRecord)
	}
	o := &Owner{}
	if err := json.NewDecoder(io.LimitReader(f, maxRecord)).Decode(o); err != nil {
		if info, err := f.Stat(); err == nil && info.Size() == 0 { // released as it was read
			return nil, time.Time{}, nil
		}
	}
	if o.Who == "" {
		o.Who = unknown
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
	f, name, err := s.temporary(nowFile)
	if handle.IsFull(err) {
		s.makeRoom()
		f, name, err = s.temporary(nowFile)
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

// make makes the record of that number; it returns nil where another has. Where no
// block is left to say who holds the lock, it is held by nobody knows whom: that
// takes an inode alone, and whoever makes room needs a lock first.
func (s *records) make(number int, owner Owner) (*record, error) {
	tell := func(f *os.File) error { return json.NewEncoder(f).Encode(owner) }
	r, err := s.tryMake(number, tell)
	if handle.IsFull(err) {
		s.makeRoom()
		r, err = s.tryMake(number, tell)
	}
	if handle.IsFull(err) {
		r, err = s.tryMake(number, func(f *os.File) error { return f.Truncate(1) })
	}
	return r, err
}

// tryMake is make for a record with what fill writes, where there is room.
func (s *records) tryMake(number int, fill func(*os.File) error) (_ *record, err error) {
	file, temp, err := s.temporary(newRecord)
	if err != nil {
		return nil, err
	}
	defer s.dir.Remove(temp)
	r, name := &record{s, number, file}, strconv.Itoa(number)
	if err = fill(file); err == nil {
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

// Holder returns who holds a lock, and whether that one surely is dead: the next
// who wants the lock has it then. That can only be told of holders on our own host.
func (f *Folder) Holder(key Key, us Owner) (_ Holder, gone bool, err error) {
	set, err := f.records(key)
	if err != nil {
		return Holder{}, false, err
	}
	defer set.close()
	holder, err := set.holder()
	if err != nil || holder.Who == "" || holder.Host != us.Host {
		return holder, false, err
	}
	// The kernel is asked by taking its lock for a moment. Where that cannot be
	// asked, the holder is taken to be alive.
	kernel, err := f.lockKernel(context.Background(), key, false)
	if err != nil {
		return holder, false, nil
	}
	defer kernel.unlock()
	return holder, holder.gone(us, kernel.held), nil
}

// Break breaks a lock. It returns who held the lock, a zero Holder if nobody did,
// and whether that one surely was dead. The error is an [*Error] where the holder may be
// alive, unless force is set.
func (f *Folder) Break(ctx context.Context, key Key, owner Owner, force bool) (_ Holder, gone bool, err error) {
	set, err := f.records(key)
	if err != nil {
		return Holder{}, false, err
	}
	defer set.close()
	kernel, err := f.lockKernel(ctx, key, false)
	free := !errors.Is(err, errLocked)
	if err != nil && free {
		return Holder{}, false, err
	}
	defer kernel.unlock()
	for {
		top, err := set.top()
		if err != nil {
			return Holder{}, false, err
		}
		holder, err := set.holderOf(top)
		if err != nil || holder.Who == "" {
			return Holder{}, false, err
		}
		gone = free && holder.gone(owner, kernel.held)
		if !gone && !(free && holder.Silent()) && !force {
			return Holder{}, false, &Error{What: key.What, Holder: holder.Who}
		}
		next, err := set.make(top+1, owner)
		if err != nil {
			return Holder{}, false, err
		}
		if next != nil {
			return holder, gone, next.release()
		}
	}
}
