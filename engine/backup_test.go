package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/manifest"
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

func TestUnchangedRun(t *testing.T) {
	t.Parallel()
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

func TestKinds(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("file", "x", "SHA256SUMS", "not ours", "latest", "a file", "x.partial", "another", "x.partial.d/f", "1")
	r.must(os.MkdirAll(r.in("empty/empty"), 0o750))
	r.must(os.Symlink("nowhere", r.in("dangling")))
	r.must(os.Symlink("closed", r.in("to a dir")))
	r.must(os.Symlink(strings.Repeat("long/", 800), r.in("long")))
	r.must(unix.Mkfifo(r.in("fifo"), 0o640))
	socket, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", r.in("socket"))
	r.must(err)
	defer socket.Close()
	files, others := int64(5), 5
	if os.Getuid() == 0 {
		r.must(os.Mkdir(r.in("closed"), 0))
		r.must(unix.Mknod(r.in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		r.must(unix.Mknod(r.in("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(259, 70000))))
		r.must(os.Chown(r.in("file"), 1234, 4321))
		r.must(os.Lchown(r.in("dangling"), 12, 21))
		r.must(os.Chmod(r.in("file"), 0o755|os.ModeSetuid|os.ModeSetgid|os.ModeSticky))
		r.must(os.Chown(r.in("empty"), 7, 8))
		others += 2
	}
	for run := range 2 {
		s := r.backup()
		r.alike(s)
		r.counts(s, int64(run)*files, 0, int64(1-run)*files)
		kinds := 0
		for _, e := range readManifest(t, s) {
			if e.Kind != manifest.File && e.Kind != manifest.Dir {
				kinds++
			}
		}
		if kinds != others {
			t.Errorf("%d special entries, want %d", kinds, others)
		}
	}
	if all := r.snapshots(); len(all) != 2 {
		t.Errorf("%d snapshots, want 2", len(all))
	}
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

// TestAccessTimes checks that reading leaves no trace in the source.
func TestAccessTimes(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("d/small", "1", "d/large", strings.Repeat("2", 1<<20))
	long := time.Unix(1e9, 0)
	paths := []string{"d/small", "d/large", "d", "."}
	for _, path := range paths {
		info, err := os.Stat(r.in(path))
		r.must(err)
		r.must(os.Chtimes(r.in(path), long, info.ModTime()))
	}
	_, err := r.try(engine.Source{}) // without a look of our own at the content
	r.must(err)
	for _, path := range paths {
		var st unix.Stat_t
		r.must(unix.Stat(r.in(path), &st))
		if int64(st.Atim.Sec) != long.Unix() {
			t.Errorf("%s was accessed at %v", path, time.Unix(st.Atim.Unix()))
		}
	}
}

// TestDeep has paths that are longer than one system call takes.
func TestDeep(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	const levels = 30
	name := strings.Repeat("n", 200)
	fd, err := unix.Open(r.source, unix.O_DIRECTORY|unix.O_RDONLY, 0)
	r.must(err)
	for range levels {
		r.must(unix.Mkdirat(fd, name, 0o755))
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY|unix.O_RDONLY, 0)
		r.must(err)
		unix.Close(fd)
		fd = next
	}
	f, err := unix.Openat(fd, "file", unix.O_CREAT|unix.O_WRONLY, 0o644)
	r.must(err)
	_, err = unix.Write(f, []byte("deep"))
	r.must(err)
	unix.Close(f)
	unix.Close(fd)
	for run := range int64(2) {
		s, err := r.try(engine.Source{})
		r.must(err)
		r.counts(s, run, 0, 1-run)
		path := strings.Repeat(name+"/", levels) + "file"
		if e := readManifest(t, s)[path]; e.Size != 4 {
			t.Errorf("the file is not in the manifest: %+v", e)
		}
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
