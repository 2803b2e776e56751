package engine_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/config"
)

// repo is a source and a backup root in a test.
type repo struct {
	testing.TB
	source, root string
	config       *config.Config
	boot         string
	hostname     string // "" for testhost
	now          func() time.Time
	log          *buffer
	level        slog.Level // of what it hears
}

// buffer is a log that several goroutines write.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns what was written since the last call.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

func settings(root string) *config.Config {
	return &config.Config{
		BackupPath: root, Catalog: filepath.Join(root, ".phlb", "catalog.ql"),
		SnapshotFormat: "%Y-%m-%d-%H%M%S", Match: config.MatchPermissions,
		Unchanged: config.Size | config.Mtime | config.Ctime | config.Inode,
	}
}

func newRepo(t testing.TB) *repo { return newRepoIn(t, t.TempDir()) }

// newRepoIn returns a repo whose clock runs an hour ahead, a second further
// with every look: no change is so recent that its times mean nothing.
func newRepoIn(t testing.TB, dir string) *repo {
	r := &repo{
		TB: t, source: filepath.Join(dir, "source"), root: filepath.Join(dir, "root"),
		boot: "boot-1", log: &buffer{},
	}
	r.config = settings(r.root)
	r.must(os.MkdirAll(r.source, 0o755))
	r.now = clock(time.Now().Add(time.Hour))
	return r
}

// clock returns one that advances by a second with every look at it.
func clock(start time.Time) func() time.Time {
	var mu sync.Mutex
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		start = start.Add(time.Second)
		return start
	}
}

func (r *repo) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *repo) engine() *engine.Engine {
	return engine.Open(r.config, engine.Environment{
		Host: cmp.Or(r.hostname, "testhost"), Boot: r.boot, Owner: fmt.Sprintf("pid %d on testhost", os.Getpid()),
		Home: "/home/nobody", TempDir: os.TempDir(), Now: r.now,
		Log: slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: r.level}),
	})
}

func (r *repo) try(source engine.Source) (*engine.Snapshot, error) {
	if source.Root == "" {
		source.Root = r.source
	}
	r.tick()
	return r.engine().Backup(context.Background(), source)
}

// backup makes a snapshot and checks all that holds of every one.
func (r *repo) backup() *engine.Snapshot {
	r.Helper()
	s, err := r.try(engine.Source{})
	r.must(err)
	r.check(s)
	return s
}

// tick waits until the clock that files are stamped with has moved on, so that
// what was changed until now and what is changed later can be told apart.
func (r *repo) tick() {
	r.Helper()
	stamp := func() time.Time {
		f, err := os.CreateTemp("", "phlb-tick-")
		r.must(err)
		defer os.Remove(f.Name())
		defer f.Close()
		info, err := f.Stat()
		r.must(err)
		return info.ModTime()
	}
	for before := stamp(); !stamp().After(before); {
	}
}

// write makes files, and the directories on their way: path, content, ….
func (r *repo) write(pairs ...string) {
	r.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := r.in(pairs[i])
		r.must(os.MkdirAll(filepath.Dir(path), 0o755))
		r.must(os.WriteFile(path, []byte(pairs[i+1]), 0o644))
	}
}

func (r *repo) in(path string) string { return filepath.Join(r.source, path) }

func (r *repo) snapshots() []*engine.Snapshot {
	r.Helper()
	all, err := r.engine().Snapshots(context.Background(), "")
	r.must(err)
	return all
}

// inode returns device and inode number of a path.
func (r *repo) inode(path string) id {
	r.Helper()
	return lstat(r, path).id
}

// together checks whether two paths are one inode.
func (r *repo) together(want bool, a, b string) {
	r.Helper()
	if got := r.inode(a) == r.inode(b); got != want {
		r.Errorf("%s and %s share an inode: %v, want %v", a, b, got, want)
	}
}

// logged checks that the log since the last call holds each text.
func (r *repo) logged(texts ...string) {
	r.Helper()
	log := r.log.take()
	for _, text := range texts {
		if !strings.Contains(log, text) {
			r.Errorf("log lacks %q:\n%s", text, log)
		}
	}
}

// tool skips the test where a program is missing.
func tool(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s", name)
	}
}

func lstatTime(t testing.TB, path string) time.Time {
	t.Helper()
	return lstat(t, path).mtime.Time()
}

// rounds returns how often a test repeats itself that finds the more the more often it
// does: n times, and less in a short run.
func rounds(n int) int {
	if testing.Short() {
		return n / 4
	}
	return n
}
