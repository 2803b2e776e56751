package builtins

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
)

// lab is a source and a backup root, and a session of scripts that work there.
// Scripts have the strings SOURCE and ROOT.
type lab struct {
	testing.TB
	dir, source, root string
	session           *Session
	now               time.Time
	modules           map[string]*runtime.Module
	out, log          bytes.Buffer
}

func newLab(t testing.TB, files ...string) *lab {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{TB: t, dir: dir, source: filepath.Join(dir, "source"), root: filepath.Join(dir, "root")}
	l.must(os.Mkdir(l.source, 0o755))
	l.write(files...)
	cfg, err := config.Load(config.Sources{
		Dir: dir, Home: dir, Env: func(string) (string, bool) { return "", false }, BackupPath: l.root,
	})
	l.must(err)
	l.now = time.Now().Add(time.Hour)
	start := l.now
	var mu sync.Mutex
	l.session = &Session{Engine: engine.Open(cfg, engine.Environment{
		Host: "testhost", Boot: "boot", Owner: "the test", Home: dir, TempDir: dir, Log: slog.NewTextHandler(&l.log, nil),
		Now: func() time.Time { // far from the files' own times, a second further with every look
			mu.Lock()
			defer mu.Unlock()
			start = start.Add(time.Second)
			return start
		},
	})}
	return l
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// write makes files in the source: path, content, ….
func (l *lab) write(pairs ...string) {
	l.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := l.in(pairs[i])
		l.must(os.MkdirAll(filepath.Dir(path), 0o755))
		l.must(os.WriteFile(path, []byte(pairs[i+1]), 0o644))
	}
}

func (l *lab) in(path string) string { return filepath.Join(l.source, path) }

// try runs a script that is called test.star, and returns what it has printed.
func (l *lab) try(ctx context.Context, src string) (string, error) {
	l.Helper()
	l.out.Reset()
	names := l.session.Names()
	names["SOURCE"], names["ROOT"] = starlark.String(l.source), starlark.String(l.root)
	h := &runtime.Host{Names: names, Modules: l.modules, Now: l.now, Print: &l.out}
	script, err := h.LoadSource(ctx, filepath.Join(l.dir, "test.star"), []byte(strings.TrimPrefix(src, "\n")))
	if err == nil {
		_, err = script.Run(ctx, nil)
	}
	return l.out.String(), err
}

// run runs a script that must not fail, and checks what it prints.
func (l *lab) run(src, want string) {
	l.Helper()
	got, err := l.try(context.Background(), src)
	if err != nil {
		var e *runtime.Error
		if errors.As(err, &e) {
			l.Fatalf("%s", e.Detail())
		}
		l.Fatal(err)
	}
	if want = strings.TrimPrefix(want, "\n"); strings.TrimSuffix(got, "\n") != strings.TrimSuffix(want, "\n") {
		l.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

// fails runs a script that must fail, and checks what its user is told: the
// first line is POSITION: MESSAGE.
func (l *lab) fails(src, want string) error {
	l.Helper()
	_, err := l.try(context.Background(), src)
	var e *runtime.Error
	switch {
	case err == nil:
		l.Errorf("no error; want %q", want)
	case !errors.As(err, &e):
		l.Errorf("error %v (%T) has no position", err, err)
	case !strings.Contains(l.short(e.Detail()), want):
		l.Errorf("error\n%s\nlacks\n%s", e.Detail(), want)
	}
	return err
}

// short returns a text without the folder of the lab, with paths as Unix has them.
func (l *lab) short(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, l.dir+string(filepath.Separator), ""), `source\`, "source/")
}
