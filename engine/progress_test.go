package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"phlb/engine"
)

// watched returns an engine that calls look whenever it asks for the time.
func (r *repo) watched(look func(*engine.Engine)) *engine.Engine {
	var e *engine.Engine
	e = engine.Open(r.config, engine.Environment{
		Host: "testhost", Owner: "the test", Log: slog.DiscardHandler, CountAhead: true,
		Now: func() time.Time { look(e); return r.now() },
	})
	return e
}

func (r *repo) wantProgress(e *engine.Engine, s *engine.Snapshot) {
	r.Helper()
	p := e.Progress
	if files, bytes := p.Files.Load(), p.Bytes.Load(); files != s.Files || bytes != s.Bytes {
		r.Errorf("progress ended at %d files, %d bytes; the snapshot has %d files, %d bytes", files, bytes, s.Files, s.Bytes)
	}
	if verb := p.Verb(); verb != "" {
		r.Errorf("%q is under way after its end", verb)
	}
}

func TestProgressCountsAhead(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "12345", "sub/b", "123", "sub/c", "")
	r.must(os.Symlink("a", r.in("link")))
	r.tick()
	var looks atomic.Int64
	e := r.watched(func(e *engine.Engine) {
		if verb := e.Progress.Verb(); verb != "backup source" && !strings.HasPrefix(verb, "seal source/") {
			t.Errorf("%q is under way", verb)
		}
		if looks.Add(1) > 3 { // the first ones are at the start; the others wait until all is counted
			for wait := time.Now(); e.Progress.TotalFiles.Load() == 0 && time.Since(wait) < time.Minute; {
				runtime.Gosched()
			}
		}
	})
	s, err := e.Backup(context.Background(), engine.Source{Root: r.source})
	r.must(err)
	r.wantProgress(e, s)
	if files, bytes := e.Progress.TotalFiles.Load(), e.Progress.TotalBytes.Load(); files != 3 || bytes != 8 {
		t.Errorf("counted %d files, %d bytes ahead; want 3, 8", files, bytes)
	}
}

// Large files of a size that is known are read twice, which must not take away
// from what is counted of others meanwhile.
func TestProgressOfFilesReadTwice(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	large := strings.Repeat("x", 1<<20)
	r.write("large", large)
	r.backup()
	for i := range 16 {
		name := fmt.Sprintf("new-%02d", i)
		r.write("large-"+name, large[:1<<20-2]+name[4:], "small/"+name, name)
	}
	r.tick()
	e := r.watched(func(*engine.Engine) {})
	s, err := e.Backup(context.Background(), engine.Source{Root: r.source})
	r.must(err)
	if s.New != 32 {
		t.Fatalf("%d files are new, want 32", s.New)
	}
	r.wantProgress(e, s)
}

func TestBackupToldToStop(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var looks atomic.Int64
	e := r.watched(func(*engine.Engine) {
		if looks.Add(1) > 1 {
			cancel()
		}
	})
	if _, err := e.Backup(ctx, engine.Source{Root: r.source}); !errors.Is(err, engine.ErrUnsealed) {
		t.Errorf("error %v, want %v", err, engine.ErrUnsealed)
	}
}
