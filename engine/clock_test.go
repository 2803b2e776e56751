package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/store"
)

func TestClockJumps(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	start := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	at := func(moment time.Time) *engine.Snapshot {
		r.now = func() time.Time { return moment }
		return r.backup()
	}
	r.write("a", "1")
	first := at(start)
	r.write("a", "22")
	second := at(start.Add(time.Hour))
	r.write("a", "333")
	early := at(start.Add(-24 * time.Hour)) // somebody has set the clock back
	r.write("b", "4")
	third := at(start.Add(2 * time.Hour))
	r.alike(third)
	var got []string
	for _, s := range r.snapshots() {
		r.check(s)
		r.indexed(s)
		got = append(got, s.Stamp)
	}
	want := []string{third.Stamp, second.Stamp, first.Stamp, early.Stamp}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("snapshots are %v, want %v", got, want)
	}
}

// TestRepeatedHour lives through the end of summer time, when local time says
// everything twice.
func TestRepeatedHour(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("needs a time zone database")
	}
	r := newRepo(t)
	moment := time.Date(2026, 10, 25, 0, 10, 0, 0, time.UTC)
	var want []string
	for i := range 4 { // 02:10, 02:40, 02:10, 02:40 in Berlin
		r.now = func() time.Time { return moment.In(zone) }
		r.write("n", strings.Repeat("x", i))
		s := r.backup()
		want = append([]string{s.Stamp}, want...)
		moment = moment.Add(30 * time.Minute)
	}
	if strings.Join(want, " ") != "2026-10-25-024000-2 2026-10-25-021000-2 2026-10-25-024000 2026-10-25-021000" {
		t.Errorf("stamps are %v", want)
	}
	for i, s := range r.snapshots() {
		if s.Stamp != want[i] || s.Bytes != int64(3-i) {
			t.Errorf("snapshot %d is %s of %d bytes, want %s", i, s.Stamp, s.Bytes, want[i])
		}
	}
	if link, err := os.Readlink(filepath.Join(r.root, "source", "latest")); err != nil || link != want[0] {
		t.Errorf("latest is %q, %v", link, err)
	}
}

func TestSameSecond(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	moment := time.Now().Add(time.Hour).Truncate(time.Second)
	r.now = func() time.Time { return moment }
	seen := map[string]bool{}
	for i := range 3 {
		r.write("n", strings.Repeat("x", i))
		s := r.backup()
		r.alike(s)
		seen[s.Stamp] = true
	}
	if len(seen) != 3 || len(r.snapshots()) != 3 {
		t.Errorf("stamps are %v", seen)
	}
	if s := r.snapshots()[0]; s.Bytes != 2 {
		t.Errorf("the newest is %s of %d bytes, want the last one", s.Stamp, s.Bytes)
	}
}

// TestOneWriterPerName runs into a lock that another holds.
func TestOneWriterPerName(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	r.backup()
	root, err := store.Open(r.root)
	r.must(err)
	defer root.Close()
	lock, err := root.LockName(context.Background(), "source", store.Owner{Who: "pid 17 on elsewhere", Host: "testhost"}, false)
	r.must(err)
	defer lock.Unlock()
	_, err = r.try(engine.Source{})
	if err == nil || !strings.Contains(err.Error(), "pid 17 on elsewhere") || !strings.Contains(err.Error(), "--wait") {
		t.Errorf("error is %v, want one that names the other", err)
	}
	if _, err := r.try(engine.Source{Name: "another"}); err != nil {
		t.Errorf("another name: %v", err)
	}
	waiting := startChild(t, order{Root: r.root, Source: r.source, Wait: true, Later: 2 * time.Hour})
	r.must(lock.Unlock())
	if a, err := waiting.finish(); err != nil || a.Err != "" || a.Snapshot.Files != 1 {
		t.Errorf("the one that waited: %v, %+v", err, a)
	}
}

// TestTwoNames makes snapshots of two names at the same time.
func TestTwoNames(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.manyFolders(200, 100)
	for round := range 3 {
		r.write("round", strings.Repeat("r", round))
		r.tick()
		var running sync.WaitGroup
		for _, name := range []string{"one", "two"} {
			running.Go(func() {
				if _, err := r.engine().Backup(context.Background(), engine.Source{Root: r.source, Name: name}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		running.Wait()
		all := r.snapshots()
		if len(all) != 2*(round+1) {
			t.Fatalf("round %d: the catalog knows %d snapshots", round, len(all))
		}
		for _, s := range all[:2] {
			r.check(s)
			r.alike(s)
			r.indexed(s)
		}
	}
}

// TestClockAhead has one run with the clock ahead: the name goes on without it.
func TestClockAhead(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	now := time.Now().Add(time.Hour)
	r.now = func() time.Time { return now }
	latest := func(want *engine.Snapshot) {
		t.Helper()
		if link, err := os.Readlink(filepath.Join(r.root, "source", "latest")); err != nil || link != want.Stamp {
			t.Errorf("latest is %q, %v; want %q", link, err, want.Stamp)
		}
		for _, text := range []string{"source", "source/latest"} {
			if s, err := r.engine().Snapshot(t.Context(), text); err != nil || s.Stamp != want.Stamp {
				t.Errorf("%s is %v, %v; want %s", text, s, err, want.Stamp)
			}
		}
	}
	now = now.AddDate(4, 0, 0)
	r.write("a", "1")
	ahead := r.backup()
	latest(ahead)
	now = now.AddDate(-4, 0, 0)
	latest(ahead) // there is no other
	r.log.take()
	first := r.backup() // and it is better than none to link to
	r.counts(first, 1, 0, 0)
	r.logged("a snapshot is dated ahead of the clock, and is not taken for the newest", ahead.Stamp)
	latest(first)

	r.write("b", "2")
	now = now.Add(time.Hour)
	second := r.backup()
	latest(second)
	r.indexed(second)
	now = now.Add(time.Hour)
	third := r.backup()
	r.counts(third, 2, 0, 0) // b is in the second, and not in the one that is ahead
	r.indexed(third)
	latest(third)

	remove := func(s *engine.Snapshot) error {
		_, err := r.engine().Remove(t.Context(), s)
		return err
	}
	if err := remove(third); !errors.Is(err, engine.ErrNewest) {
		t.Errorf("the newest was removed: %v", err)
	}
	r.must(remove(second))
	latest(third)
	r.must(remove(ahead))
	latest(third)
}
