package mod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"phlb/engine/config"
)

// getVariable names a folder with a project, whose modules the test binary then
// gets and does nothing else.
const getVariable = "PHLB_TEST_GET"

func TestMain(m *testing.M) {
	if dir := os.Getenv(getVariable); dir != "" {
		if err := getIn(dir); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func getIn(dir string) error {
	cfg, err := config.Load(config.Sources{Dir: filepath.Join(dir, "project"), Home: dir})
	if err != nil {
		return err
	}
	p, err := Open(filepath.Join(dir, "project"), cfg.Modules, &Cache{Dir: filepath.Join(dir, "cache"), Environ: os.Environ()})
	if err != nil {
		return err
	}
	if _, err := p.Get(context.Background()); err != nil {
		return err
	}
	return p.Save()
}

// Whatever is killed half-way leaves nothing that could be used.
func TestGetKilled(t *testing.T) {
	l := newLab(t)
	var files []string
	for i := range 300 {
		files = append(files, "f"+string(rune('a'+i%26))+strings.Repeat("x", i/26)+".star", strings.Repeat("# x\n", 100+i))
	}
	l.tag("acme", "v1.0.0", files...)
	l.project(l.declaring("acme v1.0.0"))
	get := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		// Else the race detector lets it sleep for a second at its end, and most kills
		// meet it there.
		cmd.Env = append(l.environ, getVariable+"="+l.dir, "GORACE=atexit_sleep_ms=0")
		return cmd
	}
	began := time.Now()
	if out, err := get().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	took := time.Since(began)
	want := l.open().lock["acme"].Hash
	const kills = 12
	for i := range kills {
		l.must(os.RemoveAll(l.path("cache/modules")))
		l.must(os.RemoveAll(l.path("project/phlb.lock")))
		cmd := get()
		l.must(cmd.Start())
		time.Sleep(took * time.Duration(i) / kills)
		cmd.Process.Kill()
		cmd.Wait()
		kept, err := filepath.Glob(l.path("cache/modules/[0-9a-f]*"))
		l.must(err)
		for _, dir := range kept {
			if err := (copied{filepath.Join(dir, "tree"), filepath.Join(dir, "tree.sha256")}).check(want); err != nil {
				t.Errorf("kill %d: %v", i, err)
			}
		}
		if p := l.open(); len(p.lock) > 0 && p.lock["acme"].Hash != want {
			t.Errorf("kill %d: the lock pins %v", i, p.lock)
		}
	}
	if out, err := get().CombinedOutput(); err != nil {
		t.Fatalf("after the kills: %v: %s", err, out)
	}
	l.must(l.open().Verify())

	// What was left behind goes after a day.
	left, err := filepath.Glob(l.path("cache/*/.new-*"))
	l.must(err)
	old := l.path("cache/modules/.new-old")
	l.must(os.Mkdir(old, 0o700))
	for _, dir := range append(left, old) {
		yesterday := time.Now().Add(-25 * time.Hour)
		l.must(os.Chtimes(dir, yesterday, yesterday))
	}
	l.must(os.RemoveAll(filepath.Dir(l.cache.at(want).dir)))
	l.get(l.open())
	if left, err = filepath.Glob(l.path("cache/*/.new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

// A lock that has more in it than any has is refused before it is decoded, which would
// take minutes, and phlb does not write one.
func TestLockTooLarge(t *testing.T) {
	l := newLab(t)
	dir := l.path("project")
	l.must(os.MkdirAll(dir, 0o777))
	path := filepath.Join(dir, LockName)
	l.must(os.WriteFile(path, []byte(strings.Repeat("[[a]]\n", 100_000)), 0o600))
	_, err := readLock(dir)
	l.wants(err, "phlb.lock: more than 2000 keys, which no settings have: take back what was changed there")
	l.must(os.Remove(path))
	many := lock{}
	for i := range 1000 {
		many[fmt.Sprintf("m%d", i)] = Pin{Path: "x", Hash: Hash("sha256:" + strings.Repeat("0", 64))}
	}
	l.wants(many.write(dir), "write phlb.lock: more than 2000 keys, which no settings have: 1000 modules are too many")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a lock: %v", err)
	}
}

// A lock that others may write to, or own, is not obeyed.
func TestLockOfOthers(t *testing.T) {
	l := newLab(t)
	if goruntime.GOOS == "windows" {
		t.Skip("needs the modes of Unix")
	}
	l.tag("acme", "v1.0.0", "a", "x")
	p := l.project(l.declaring("acme v1.0.0"))
	l.get(p)
	lock := l.path("project/phlb.lock")
	l.must(os.Chmod(lock, 0o666))
	_, err := Open(l.path("project"), nil, l.cache)
	l.wants(err, "phlb.lock: it is passed over, since others may write to it: chmod go-w if it is to count")
	m := Modules(l.path("project"), p.declared, l.cache)["acme"]
	_, err = m.Files.Open("a")
	l.wants(err, "others may write to it")
	l.must(os.Chmod(lock, 0o644))
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a file away")
	}
	l.must(os.Chown(lock, 12345, 12345))
	_, err = Open(l.path("project"), nil, l.cache)
	l.wants(err, "it belongs neither to you nor to root")
}
