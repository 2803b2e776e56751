package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"phlb/engine/handle"
)

// Records are tested without the kernel's lock: so they must do on file systems
// whose locks say nothing to other hosts.

var (
	laptop = Owner{Who: "pid 17 on laptop", Host: "laptop", Boot: "1"}
	nas    = Owner{Who: "pid 18 on nas", Host: "nas", Boot: "1"}
)

func takeRecord(t *testing.T, s *records, who Owner) *record {
	t.Helper()
	r, other, err := s.take(t.Context(), who, true, false)
	must(t, err)
	if other != nil {
		t.Fatalf("%s finds %+v", who.Who, other)
	}
	return r
}

// refuse wants that who is told of a holder.
func refuse(t *testing.T, s *records, who Owner, kernel bool, holder Owner) *Holder {
	t.Helper()
	r, other, err := s.take(t.Context(), who, kernel, false)
	must(t, err)
	if r != nil || other.Who != holder.Who {
		t.Fatalf("%s took the lock, or found %+v instead of %s", who.Who, other, holder.Who)
	}
	return other
}

// newRecords returns a folder of locks and the records of docs in it.
func newRecords(t *testing.T) (*folder, *records) {
	t.Helper()
	f := newFolder(t)
	s, err := f.records(docs)
	must(t, err)
	t.Cleanup(s.close)
	return f, s
}

// fallSilent puts the last sign of life into the past.
func fallSilent(t *testing.T, f *folder, r *record, since time.Duration) {
	t.Helper()
	info, err := r.file.Stat()
	must(t, err)
	then := info.ModTime().Add(-since)
	must(t, os.Chtimes(f.record(r.number), then, then))
}

func TestRecordOfAnotherHost(t *testing.T) {
	root, s := newRecords(t)
	first := takeRecord(t, s, laptop)
	if h := refuse(t, s, nas, true, laptop); h.Silent() {
		t.Errorf("a new lock is silent: %+v", h)
	}
	fallSilent(t, root, first, 3*time.Hour)
	if h := refuse(t, s, nas, true, laptop); !h.Silent() {
		t.Errorf("three hours are not: %+v", h)
	}
	_, err := root.Take(t.Context(), docs, nas, Forever) // waiting would have no end
	locked, ok := errors.AsType[*Error](err)
	if !ok || locked.Silence < 3*time.Hour {
		t.Fatalf("error is %v", err)
	}
	for _, want := range []string{`"docs"`, laptop.Who, "3 h old", docs.Break} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	must(t, handle.Touch(first.file))
	if h := refuse(t, s, nas, true, laptop); h.Silent() {
		t.Error("a sign of life was not seen")
	}
	must(t, first.release())
	must(t, takeRecord(t, s, nas).release())
}

func TestRecordOfTheSameHost(t *testing.T) {
	rebooted := laptop
	rebooted.Boot = "2"
	for what, c := range map[string]struct {
		who            Owner
		kernel, silent bool
		taken          bool
	}{
		"with the kernel's lock":    {laptop, true, false, true},
		"without it":                {laptop, false, false, false},
		"without it, and silent":    {laptop, false, true, true},
		"without it, after a reset": {rebooted, false, false, true},
	} {
		t.Run(what, func(t *testing.T) {
			root, s := newRecords(t)
			first := takeRecord(t, s, laptop)
			if c.silent {
				fallSilent(t, root, first, time.Hour)
			}
			second, _, err := s.take(t.Context(), c.who, c.kernel, false)
			must(t, err)
			if (second != nil) != c.taken {
				t.Errorf("taken: %v, want %v", second != nil, c.taken)
			}
		})
	}
}

// TestSignsOfLife holds a lock for longer than the dead are silent.
func TestSignsOfLife(t *testing.T) {
	root, _ := newRecords(t)
	synctest.Test(t, func(t *testing.T) {
		lock, err := root.Take(t.Context(), docs, laptop, 0)
		must(t, err)
		for range 3 {
			fallSilent(t, root, lock.record, time.Hour)
			time.Sleep(beat)
			synctest.Wait()
			holder, _, err := root.Holder(docs, nas)
			must(t, err)
			if holder.Who != laptop.Who || holder.Silent() {
				t.Fatalf("after a beat the holder is %+v", holder)
			}
		}
		must(t, lock.Unlock())
		must(t, lock.Unlock())
	})
	if holder, _, err := root.Holder(docs, nas); holder.Who != "" || err != nil {
		t.Errorf("after the lock was released %+v holds it, %v", holder, err)
	}
}

func TestRecordWaits(t *testing.T) {
	_, s := newRecords(t)
	first := takeRecord(t, s, laptop)
	taken := make(chan error)
	go func() {
		_, _, err := s.take(t.Context(), nas, true, true)
		taken <- err
	}()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	if _, _, err := s.take(ctx, nas, true, true); !errors.Is(err, why) {
		t.Errorf("the wait was cancelled: %v", err)
	}
	must(t, first.release())
	must(t, <-taken)
}

// TestRecordDamaged finds a record that says nothing: somebody may hold it.
func TestRecordDamaged(t *testing.T) {
	root, s := newRecords(t)
	must(t, os.WriteFile(root.record(7), []byte("\x00\x00"), 0o644))
	refuse(t, s, nas, true, Owner{Who: "another phlb"})
	must(t, os.Truncate(root.record(7), 0)) // a power loss leaves that
	if r := takeRecord(t, s, nas); r.number != 8 {
		t.Errorf("the record is number %d", r.number)
	}
}

func TestRecordsAreFew(t *testing.T) {
	root, s := newRecords(t)
	must(t, os.WriteFile(root.record("new-123"), nil, 0o644))
	must(t, os.Chtimes(root.record("new-123"), time.Unix(1, 0), time.Unix(1, 0)))
	for range 20 {
		must(t, takeRecord(t, s, laptop).release())
	}
	if entries, err := os.ReadDir(root.record()); len(entries) != kept+1 || err != nil {
		t.Errorf("there are %v, %v", entries, err)
	}
}

// TestRecordOfTheSlow makes one that was meant to follow a holder long gone.
func TestRecordOfTheSlow(t *testing.T) {
	_, s := newRecords(t)
	for range 10 {
		must(t, takeRecord(t, s, laptop).release())
	}
	holder := takeRecord(t, s, laptop)
	if r, err := s.make(2, nas); r != nil || err != nil {
		t.Errorf("the slow one got %v, %v", r, err)
	}
	if r, err := s.make(holder.number, nas); r != nil || err != nil {
		t.Errorf("the one who comes second got %v, %v", r, err)
	}
	refuse(t, s, nas, true, laptop)
}

func TestBreak(t *testing.T) {
	t.Parallel()
	f, s := newRecords(t)
	breaks := func(who Owner, force bool, want string) {
		t.Helper()
		broken, _, err := f.Break(t.Context(), docs, who, force)
		if broken.Who != want || err != nil {
			t.Errorf("broken is the lock of %+v, %v, want that of %q", broken, err, want)
		}
	}
	breaks(nas, false, "") // nothing is locked
	lock, err := f.Take(t.Context(), docs, laptop, 0)
	must(t, err)
	if holder, gone, err := f.Holder(docs, laptop); err != nil || holder.Who != laptop.Who || holder.Silent() || gone {
		t.Errorf("the holder is %+v, gone: %v, %v", holder, gone, err)
	}
	fallSilent(t, f, lock.record, time.Hour)
	if _, _, err := f.Break(t.Context(), docs, laptop, false); err == nil {
		t.Error("a lock that the kernel holds was broken")
	}
	must(t, lock.Held())
	breaks(laptop, true, laptop.Who)
	if err := lock.Held(); !errors.Is(err, ErrLost) {
		t.Errorf("its holder is told %v", err)
	}
	must(t, lock.Unlock())

	fallSilent(t, f, takeRecord(t, s, laptop), time.Hour)
	breaks(nas, false, laptop.Who)
	takeRecord(t, s, laptop)
	if _, _, err := f.Break(t.Context(), docs, nas, false); err == nil {
		t.Error("a lock of a host that is alive was broken")
	}
}

// raceEnv makes a process take the lock of docs in the folder it gives again
// and again, each time for one line of a file that only the holder writes.
const raceEnv = "LOCK_TEST_RACE"

const turns = 40

func raceForLock(path string) {
	err := func() error {
		s, err := at(path).records(docs)
		if err != nil {
			return err
		}
		me := Owner{Who: "a racer", Host: fmt.Sprint(os.Getpid())} // a host of its own
		for range turns {
			rec, other, err := s.take(context.Background(), me, true, true)
			if err != nil || other != nil {
				return fmt.Errorf("%v, %v", other, err)
			}
			guard := filepath.Join(path, "guard")
			if err := os.Mkdir(guard, 0o700); err != nil { // there is one: somebody else is in
				return err
			}
			if err := os.Remove(guard); err != nil {
				return err
			}
			if err := rec.release(); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestRecordRace has several hosts fight for one lock, while others break what
// seems to be dead.
func TestRecordRace(t *testing.T) {
	root, s := newRecords(t)
	fallSilent(t, root, takeRecord(t, s, laptop), time.Hour)
	exe, err := os.Executable()
	must(t, err)
	if _, _, err := root.Break(t.Context(), docs, nas, false); err != nil {
		t.Error(err)
	}
	var racers []*exec.Cmd
	for range 4 {
		c := exec.Command(exe)
		c.Env = append(os.Environ(), raceEnv+"="+root.path, "GORACE=atexit_sleep_ms=0")
		c.Stderr = os.Stderr
		must(t, c.Start())
		racers = append(racers, c)
	}
	for range 20 { // none of them is dead
		root.Break(t.Context(), docs, nas, false)
	}
	for _, c := range racers {
		if err := c.Wait(); err != nil {
			t.Errorf("a racer: %v", err)
		}
	}
	if o, _ := s.holder(); o.Who != "" {
		t.Errorf("in the end %+v holds the lock", o)
	}
}
