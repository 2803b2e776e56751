package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// ask returns the rows of a statement, in the order in which they were written.
func (r *repo) ask(statement string) (list []string) {
	r.Helper()
	answer, err := r.engine().Query(r.Context(), statement)
	r.must(err)
	defer answer.Close()
	for row, err := range answer.All {
		r.must(err)
		list = append(list, strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
	}
	slices.Reverse(list)
	return list
}

func (r *repo) answers(statement string, want ...string) {
	r.Helper()
	if got := r.ask(statement); !slices.Equal(got, want) {
		r.Errorf("%s:\n%q, want\n%q", statement, got, want)
	}
}

const (
	allRuns  = "SELECT verb, name, stamp, snapshot, outcome, error FROM runs"
	verified = "SELECT snapshot, sample, files, read, bytes, problems, healed FROM verifications"
)

func TestRuns(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "content", "c", "other")
	first := r.backup()
	r.write("c", "changed")
	second := r.backup()
	want := []string{
		"backup source " + first.Stamp + " 1 ok ",
		"backup source " + second.Stamp + " 2 ok ",
	}
	r.answers(allRuns, want...)
	r.answers("SELECT host FROM runs WHERE started < finished", "testhost", "testhost")

	// What fails has made no snapshot.
	ctx := context.Background()
	_, err := r.try(engine.Source{Root: r.in("nothing"), Name: "gone"})
	if err == nil {
		t.Fatal("a source that is not there was backed up")
	}
	want = append(want, "backup gone  0 failed "+err.Error())
	r.write("d", "new")
	r.interrupt("d")
	want = append(want, "backup source  0 interrupted "+r.ask(allRuns + " WHERE outcome = 'interrupted'")[0][len("backup source  0 interrupted "):])
	r.must(os.Remove(r.in("d")))
	if !strings.Contains(want[3], engine.ErrUnsealed.Error()) {
		t.Error(want[3])
	}
	r.answers(allRuns, want...)

	// One that found the door locked has not begun.
	root, err := store.Open(r.root)
	r.must(err)
	lock, err := root.LockName(ctx, "source", store.Owner{Who: "other", Host: "testhost", Since: r.now()}, false)
	r.must(err)
	if _, err := r.try(engine.Source{}); err == nil {
		t.Fatal("the lock did not hold")
	}
	r.must(lock.Unlock())
	root.Close()
	if _, err := r.try(engine.Source{Name: "a/b"}); !errors.Is(err, engine.ErrName) {
		t.Fatal(err)
	}
	r.answers(allRuns, want...)

	// Verify.
	r.verify(second, all)
	r.rot(filepath.Join(second.Path, "c"))
	r.verify(second, all)
	want = append(want, "verify source "+second.Stamp+" 2 ok ", "verify source "+second.Stamp+" 2 damage ")
	r.answers(allRuns, want...)

	// Remove, and the refusal to.
	if _, err := r.engine().Remove(ctx, second); err == nil {
		t.Fatal("the last snapshot was removed")
	} else {
		want = append(want, "remove source  0 failed "+err.Error())
	}
	_, err = r.engine().Remove(ctx, first)
	r.must(err)
	want = append(want, "remove source "+first.Stamp+" 1 ok ")
	r.answers(allRuns, want...)

	// What a dry run would have done is no history.
	dry := r.dry()
	defer dry.Close()
	_, err = dry.Backup(ctx, engine.Source{Root: r.source})
	r.must(err)
	_, err = dry.Verify(ctx, second, all)
	r.must(err)
	if _, err := dry.Backup(ctx, engine.Source{Root: r.in("nothing")}); err == nil {
		t.Fatal("a source that is not there was backed up")
	}
	_, err = dry.Adopt(ctx, "")
	r.must(err)
	r.answers(allRuns, want...)

	// Trees that are added, one at a time or from manifests.
	r.must(os.CopyFS(filepath.Join(r.root, "old", "tree"), os.DirFS(r.source)))
	_, err = r.engine().Adopt(ctx, "")
	r.must(err)
	want = append(want, "add old tree 3 ok ")
	r.answers(allRuns, want...)

	// A catalog that was rebuilt knows all of that, and what it was made of.
	before, verifications := r.ask(runsByName), r.ask("SELECT sample, files, read, problems FROM verifications")
	r.must(os.Remove(r.config.Catalog))
	_, err = r.engine().Adopt(ctx, "")
	r.must(err)
	got := r.ask(runsByName)
	wanted := []string{"add old tree ok ", "add source " + second.Stamp + " ok "}
	added := slices.Sorted(slices.Values(got[min(len(got), len(before)):]))
	if !slices.Equal(got[:min(len(got), len(before))], before) || !slices.Equal(added, wanted) {
		t.Errorf("a catalog that was rebuilt has the history %q, want %q and %q", got, before, wanted)
	}
	r.answers("SELECT sample, files, read, problems FROM verifications", verifications...)
}

func TestRunIncomplete(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "b", "2")
	s, err := r.try(engine.Source{Rules: walk.Rules{
		Where: func(_ int, e *walk.Entry) (bool, error) { return true, errors.Join(os.RemoveAll(r.in("b"))) },
	}})
	r.must(err)
	if s.Complete() {
		t.Fatal("b was read")
	}
	r.answers(allRuns, "backup source "+s.Stamp+" 1 incomplete ")
}

func TestVerifications(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "b", "content", "c", "other")
	s := r.backup()
	r.verify(s, all)
	r.verify(s, engine.Check{Fast: true, Sample: 1})
	r.verify(s, engine.Check{Sample: 0})
	want := []string{"1 1 3 2 12 0 0", "1 0 3 0 0 0 0", "1 0 3 0 0 0 0"}
	r.answers(verified, want...)
	last := r.ask("SELECT max(finished) FROM verifications")
	if stat, err := r.engine().Stat(r.Context(), s); err != nil || fmt.Sprint(stat.Verified.Local().Truncate(time.Millisecond)) != last[0] { // as SQL has times
		t.Errorf("stat says %v, %v; want %v", stat, err, last)
	}

	r.write("more", "content")
	second := r.backup()
	if stat, err := r.engine().Stat(r.Context(), second); err != nil || !stat.Verified.IsZero() {
		t.Errorf("stat of one that was never verified: %v, %v", stat, err)
	}
	r.rot(filepath.Join(second.Path, "more")) // which is a, too
	r.verify(second, engine.Check{Sample: 1, Heal: true})
	got := r.ask(verified + " WHERE snapshot = 2")
	if len(got) != 1 || !strings.HasPrefix(got[0], "2 1 4 2 12 3 ") {
		t.Errorf("%q", got)
	}

	// A manifest that cannot be read is a finding, too.
	r.must(os.WriteFile(second.Path+".sha256.gz", []byte("garbage"), 0o600))
	r.verify(second, all)
	got = r.ask(verified + " WHERE snapshot = 2")
	if len(got) != 2 || got[1] != "2 1 0 0 0 1 0" {
		t.Errorf("%q", got)
	}

	_, err := r.engine().Remove(r.Context(), s)
	r.must(err)
	r.answers(verified+" WHERE snapshot = 1", nil...)
	if got := r.ask(verified); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// Whoever publishes meanwhile, the history has all of it.
func TestRunsOvertaken(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "other", "x")
	s := r.backup()
	// The catalog has been opened by then.
	overtaken := func(begun func(*engine.Progress) bool) *engine.Engine {
		var once sync.Once
		return r.watched(func(e *engine.Engine) {
			if begun(e.Progress) {
				once.Do(func() { r.verify(s, engine.Check{Fast: true}) })
			}
		})
	}
	_, err := overtaken(func(*engine.Progress) bool { return true }).Verify(r.Context(), s, all)
	r.must(err)
	r.write("other", "y")
	r.tick()
	_, err = overtaken(func(p *engine.Progress) bool { return p.Files.Load() > 0 }).Backup(r.Context(), engine.Source{Root: r.source})
	r.must(err)
	r.answers("SELECT verb, snapshot, outcome FROM runs",
		"backup 1 ok", "verify 1 ok", "verify 1 ok", "verify 1 ok", "backup 2 ok")
	r.answers("SELECT snapshot FROM verifications", "1", "1", "1")
}
