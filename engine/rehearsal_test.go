package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
)

// play has an engine make a snapshot and remove all old ones one by one, as a
// policy does, and tells what that comes to.
func (r *repo) play(e *engine.Engine) string {
	r.Helper()
	ctx := context.Background()
	var story strings.Builder
	made, err := e.Backup(ctx, engine.Source{Root: r.source})
	r.must(err)
	fmt.Fprintln(&story, "made", numbers(made.Summary))
	all, err := e.Snapshots(ctx, "source")
	r.must(err)
	if all[0].Path != made.Path || all[0].Files != made.Files {
		r.Errorf("the newest is %s, want %s", all[0].Path, made.Path)
	}
	for _, s := range all[1:] {
		removal, err := e.Remove(ctx, s)
		r.must(err)
		fmt.Fprintln(&story, "removed", removal.Files, removal.Bytes)
	}
	if _, err := e.Remove(ctx, made); !errors.Is(err, engine.ErrNewest) {
		r.Errorf("the only snapshot that is left was removed: %v", err)
	}
	left, err := e.Snapshots(ctx, "")
	r.must(err)
	fmt.Fprintln(&story, "left", len(left))
	return story.String()
}

// A dry run goes on from what it has planned: its numbers are those of the real
// run, to the end.
func TestDryRunGoesOn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		prepare func(r *repo)
	}{
		{"NoRoot", func(r *repo) { r.write("a", "one", "b", "one") }},
		{"Unchanged", func(r *repo) {
			r.write("a", "one", "b", "one", "c", "three")
			r.backup()
		}},
		{"Histories", func(r *repo) {
			r.write("stays", "the same", "changes", "1", "goes", "gone", "moves", "the mover")
			r.backup()
			r.write("changes", "22")
			r.must(os.Remove(r.in("goes")))
			r.backup()
			r.write("changes", "333", "comes", "back: 1")
			r.must(os.Rename(r.in("moves"), r.in("moved")))
			r.backup()
			r.write("changes", "1", "goes", "gone")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t)
			tt.prepare(r)
			r.tick()
			before := r.names()
			planned := r.play(r.dry())
			if after := r.names(); after != before {
				t.Errorf("the dry run has changed the root from\n%s\nto\n%s", before, after)
			}
			if made := r.play(r.engine()); made != planned {
				t.Errorf("planned\n%s\nmade\n%s", planned, made)
			}
		})
	}
}

// What one source would store, another links to, or takes for unchanged where it
// is the same.
func TestDryRunOfSeveral(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "one", "sub/b", "two", "sub/c", "two")
	other := filepath.Join(r.TempDir(), "other")
	r.must(os.CopyFS(other, os.DirFS(r.source)))
	r.tick()
	play := func(e *engine.Engine) (story string) {
		for _, source := range []engine.Source{{Root: r.source}, {Root: other}, {Root: r.source}} {
			s, err := e.Backup(context.Background(), source)
			r.must(err)
			story += fmt.Sprintln(s.Name, numbers(s.Summary))
		}
		return story
	}
	if planned, made := play(r.dry()), play(r.engine()); planned != made {
		t.Errorf("planned\n%s\nmade\n%s", planned, made)
	}
}

// A dry run counts what a run that was cut off has left as the real one takes it
// over: once, and no more in the way of what is removed then.
func TestDryRunTakesOver(t *testing.T) {
	t.Parallel()
	for _, boot := range []string{"boot-1", "boot-2"} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,again=%v", boot, again), func(t *testing.T) {
				r := newRepo(t)
				r.write("d0000/old", "only there", "a", "stays")
				r.backup()
				r.manyFolders(120, 0)
				r.interrupt("d0110/file")
				if again { // what the first one had is the better
					r.interrupt("d0001/file")
				}
				r.boot = boot
				r.must(os.Remove(r.in("d0000/old")))
				r.write("d0002/copy", fmt.Sprintf("%064d", 3), "d0003/file", "changed")
				r.tick()
				play := func(e *engine.Engine) (story string) {
					for range 2 {
						s, err := e.Backup(context.Background(), engine.Source{Root: r.source})
						r.must(err)
						story += fmt.Sprintln(numbers(s.Summary))
					}
					all, err := e.Snapshots(context.Background(), "source")
					r.must(err)
					removal, err := e.Remove(context.Background(), all[2])
					r.must(err)
					return story + fmt.Sprintln(removal.Files, removal.Bytes)
				}
				before := r.names()
				planned := play(r.dry())
				if after := r.names(); after != before {
					t.Errorf("the dry run has changed the root from\n%s\nto\n%s", before, after)
				}
				if made := play(r.engine()); planned != made {
					t.Errorf("planned\n%s\nmade\n%s", planned, made)
				}
				r.logged("taking over from a run that was cut off")
			})
		}
	}
}

// A planned snapshot can be looked at as far as its manifest goes.
func TestPlannedSnapshot(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRepo(t)
	r.write("a", "one", "b", "two")
	old := r.backup()
	r.write("b", "three")
	r.tick()
	e := r.dry()
	s, err := e.Backup(ctx, engine.Source{Root: r.source})
	r.must(err)
	if !e.Planned(s) || e.Planned(old) {
		t.Errorf("planned: %v, and of the old one %v", e.Planned(s), e.Planned(old))
	}
	found, err := e.Snapshot(ctx, "source")
	r.must(err)
	if found.Path != s.Path {
		t.Errorf("the newest is %s, want %s", found.Path, s.Path)
	}
	report, err := e.Verify(ctx, found, engine.Check{Sample: 1})
	r.must(err)
	if !report.OK() || report.Files != 2 {
		t.Errorf("verified %d files: %v", report.Files, report.Problems)
	}
	changes, err := e.Diff(ctx, old, found)
	r.must(err)
	if len(changes) != 1 || changes[0].Path != "b" {
		t.Errorf("differs in %+v", changes)
	}
	stat, err := e.Stat(ctx, found)
	r.must(err)
	restored, err := e.Restore(ctx, found, engine.Restoration{To: r.to("restored")})
	r.must(err)
	r.done(restored, "2 files 8 bytes 1 folders")
	if _, err := os.Lstat(r.to("restored")); err == nil {
		t.Error("the dry run has restored something")
	}
	if stat.OnlyFiles != 1 || stat.OnlyBytes != 5 {
		t.Errorf("holds %d files of %d bytes alone, want 1 of 5", stat.OnlyFiles, stat.OnlyBytes)
	}
}

// A dry run neither notes what is damaged nor heals it.
func TestDryRunOfVerify(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRepo(t)
	r.write("a", "one", "b", "two")
	s := r.backup()
	r.must(os.Remove(s.Path + "/b"))
	r.must(os.WriteFile(s.Path+"/a", []byte("eno"), 0o644))
	report, err := r.dry().Verify(ctx, s, engine.Check{Sample: 1, Heal: true})
	r.must(err)
	if len(report.Problems) < 2 {
		t.Errorf("found %v", report.Problems)
	}
	if _, err := os.Lstat(s.Path + "/b"); err == nil {
		t.Error("the dry run has healed")
	}
	answer, err := r.engine().Query(ctx, "SELECT * FROM damage")
	r.must(err)
	defer answer.Close()
	for row := range answer.All {
		t.Errorf("the dry run has noted %v", row)
	}
}

func TestDryRunLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "one")
	temp := t.TempDir()
	e := r.dryIn(temp)
	_, err := e.Backup(context.Background(), engine.Source{Root: r.source})
	r.must(err)
	r.must(e.Close())
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
