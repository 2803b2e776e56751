package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/walk"
)

// counts checks how the files of a snapshot came into it.
func (r *repo) counts(s *engine.Snapshot, unchanged, linked, fresh int64) {
	r.Helper()
	if s.Unchanged != unchanged || s.Linked != linked || s.New != fresh {
		r.Errorf("%d unchanged, %d linked, %d new; want %d, %d, %d", s.Unchanged, s.Linked, s.New, unchanged, linked, fresh)
	}
}

// bytesRead returns how much this process has read until now.
func bytesRead(t testing.TB) int64 {
	t.Helper()
	if runtime.GOOS == "windows" { // under wine, what it says to its server counts
		t.Skip("needs Linux")
	}
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip("needs /proc/self/io")
	}
	m := regexp.MustCompile(`rchar: (\d+)`).FindSubmatch(text)
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFirstRun(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "one", "sub/b", "two two", "sub/c", "one", "sub/empty", "")
	s := r.backup()
	r.alike(s)
	r.counts(s, 0, 1, 3)
	if s.Files != 4 || s.Bytes != 13 || s.NewBytes != 10 || s.Entries != 6 || s.Errors != 0 || !s.Complete() {
		t.Errorf("summary %+v", s.Summary)
	}
	if s.Name != "source" || s.Source != r.source || s.Host != "testhost" || s.Match != "permissions" {
		t.Errorf("header %+v", s.Header)
	}
	if link, err := os.Readlink(filepath.Join(r.root, "source", "latest")); err != nil || link != s.Stamp {
		t.Errorf("latest is %q, %v; want %q", link, err, s.Stamp)
	}
	log, err := os.ReadFile(s.Path + ".log")
	if err != nil || !strings.Contains(string(log), "4 files, 13 B: 0 unchanged, 1 linked, 3 new (10 B)") {
		t.Errorf("log %q, %v", log, err)
	}
	r.indexed(s)
	all := r.snapshots()
	if len(all) != 1 || all[0].Path != s.Path || !all[0].Started.Equal(s.Started) || !all[0].Finished.Equal(s.Finished) {
		t.Fatalf("the catalog knows %v", all)
	}
	if s.Finished = all[0].Finished; all[0].Summary != s.Summary {
		t.Errorf("the catalog has %+v, want %+v", all[0].Summary, s.Summary)
	}
}

func TestUnchangedRun(t *testing.T) { // alone: what the process reads is counted
	r := newRepo(t)
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for i := range 32 {
		r.write(fmt.Sprintf("d%d/f", i), fmt.Sprint(i, big))
	}
	first := r.backup()
	before := bytesRead(t)
	second, err := r.try(engine.Source{})
	r.must(err)
	if read := bytesRead(t) - before; read > first.Bytes/4 {
		t.Errorf("%d bytes were read of an unchanged source of %d", read, first.Bytes)
	}
	r.check(second)
	r.alike(second)
	r.counts(second, 32, 0, 0)
	if second.NewBytes != 0 {
		t.Errorf("%d new bytes", second.NewBytes)
	}
	for i := range 32 {
		path := fmt.Sprintf("d%d/f", i)
		r.together(true, filepath.Join(first.Path, path), filepath.Join(second.Path, path))
	}
}

func TestChangedRun(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for i := range 300 {
		r.write(fmt.Sprintf("d%d/f%d", i%7, i), fmt.Sprint("content ", i))
	}
	first := r.backup()
	r.write("d3/f10", "other", "d0/new", "fresh", "d2/copy", "content 5")
	r.must(os.Remove(r.in("d4/f11")))
	r.must(os.Rename(r.in("d5/f12"), r.in("d6/moved")))
	r.must(os.RemoveAll(r.in("d1")))
	second := r.backup()
	r.alike(second)
	gone := int64(43 + 1) // all of d1, d4/f11
	r.counts(second, 300-gone-2, 2, 2)
	if second.NewBytes != 10 {
		t.Errorf("%d new bytes, want 10", second.NewBytes)
	}
	r.together(true, filepath.Join(first.Path, "d5/f12"), filepath.Join(second.Path, "d6/moved"))
	r.together(true, filepath.Join(first.Path, "d5/f5"), filepath.Join(second.Path, "d2/copy"))
	r.together(false, filepath.Join(first.Path, "d3/f10"), filepath.Join(second.Path, "d3/f10"))
	r.check(first)
}

// TestDuplicates has the same content come up many times at once.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	large := strings.Repeat("0123456789abcdef", 1<<17)
	for i := range 300 {
		r.write(fmt.Sprintf("small%d/f%d", i%3, i), "small")
	}
	for i := range 9 {
		r.write(fmt.Sprintf("large%d/f%d", i%3, i), large)
	}
	s := r.backup()
	r.alike(s)
	r.counts(s, 0, 307, 2)
	if s.NewBytes != int64(len(large)+len("small")) {
		t.Errorf("%d new bytes", s.NewBytes)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a.txt", "1", "b.tmp", "2", "node_modules/x", "3", "sub/node_modules/y", "4", "sub/keep", "5")
	rules := walk.Rules{SkipDirs: []string{"node_modules"}, Skip: []string{"*.tmp"}}
	s, err := r.try(engine.Source{Rules: rules})
	r.must(err)
	r.check(s)
	entries := readManifest(t, s)
	if len(entries) != 4 || s.Skipped != 3 || s.Files != 2 || !s.Complete() {
		t.Errorf("%d entries, summary %+v", len(entries), s.Summary)
	}
	_, err = r.try(engine.Source{Rules: walk.Rules{Skip: []string{"[a"}}})
	if err == nil || !strings.Contains(err.Error(), "[a") {
		t.Errorf("a pattern that does not compile: %v", err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(context.Background())
	_, err := r.engine().Backup(ctx, engine.Source{Root: r.source, Rules: walk.Rules{
		Where: func(int, *walk.Entry) (bool, error) { cancel(cause); return true, nil },
	}})
	if !errors.Is(err, cause) {
		t.Errorf("error is %v, want %v", err, cause)
	}
	if all := r.snapshots(); len(all) != 0 {
		t.Errorf("%d snapshots were sealed", len(all))
	}
	r.alike(r.backup())
}
