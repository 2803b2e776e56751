package engine_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
)

var flips = flag.Duration("flips", 2*time.Second, "how long each verb is raced with somebody who flips what it works on")

const precious = "precious, and nobody's business"

// flipper changes what lies in a folder under the hands of a verb that runs as
// root: files become folders, links out of the folder, FIFOs, and files again.
type flipper struct {
	random  *rand.Rand
	in      *os.Root // through which it cannot follow its own links
	outside string
}

// flip changes one path.
func (f *flipper) flip() {
	names := []string{"a", "b", "c"}
	at := names[f.random.IntN(3)]
	for range f.random.IntN(3) {
		at += "/" + names[f.random.IntN(3)]
	}
	if f.random.IntN(4) == 0 { // the other way round: what was opened lies elsewhere now
		f.in.Rename(at, names[f.random.IntN(3)])
		return
	}
	if info, err := f.in.Lstat(at); err == nil && info.IsDir() && f.random.IntN(2) == 0 {
		f.in.Rename(at, fmt.Sprint("was-", f.random.IntN(4)))
	}
	f.in.RemoveAll(at)
	switch f.random.IntN(6) {
	case 0:
		f.in.Mkdir(at, 0o755)
	case 1:
		f.in.Symlink(f.outside, at)
	case 2:
		f.in.Symlink(f.outside+"/file", at)
	case 3:
		f.in.Symlink(strings.Repeat("../", 12)+f.outside[1:], at)
	case 4:
		if dir, err := f.in.OpenFile(filepath.Dir(at), unix.O_DIRECTORY|unix.O_NONBLOCK, 0); err == nil {
			unix.Mknodat(int(dir.Fd()), filepath.Base(at), unix.S_IFIFO|0o600, 0)
			dir.Close()
		}
	case 5:
		f.in.MkdirAll(filepath.Dir(at), 0o755)
		f.in.WriteFile(at, fmt.Append(nil, f.random.IntN(9)), 0o4755)
	}
	f.in.Lchown(at, 1000, 1000)
}

// flipping flips what lies in dir until stop is called.
func flipping(t *testing.T, dir, outside string) (stop func()) {
	t.Helper()
	in, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	f := &flipper{rand.New(rand.NewPCG(seed, 0)), in, outside}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			f.flip()
		}
	}()
	return func() {
		cancel()
		<-done
		in.Close()
		if t.Failed() {
			t.Log("seed", seed)
		}
	}
}

// TestFlips races every verb that writes with a user who owns what it works on:
// nothing outside of root and target changes, nothing outside of the source is
// read into the root, and no verb hangs.
func TestFlips(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, which has something to lose")
	}
	// Each races one verb; work is called over and over. What it returns is flipped.
	for name, race := range map[string]struct {
		begin func(r *repo, ctx context.Context) (dir string, s *engine.Snapshot)
		work  func(r *repo, ctx context.Context, s *engine.Snapshot) error
	}{
		"backup": {
			func(r *repo, _ context.Context) (string, *engine.Snapshot) { return r.source, nil },
			func(r *repo, ctx context.Context, _ *engine.Snapshot) error {
				_, err := r.engine().Backup(ctx, engine.Source{Root: r.source})
				return err
			},
		},
		"restore": {
			func(r *repo, ctx context.Context) (string, *engine.Snapshot) {
				r.must(os.MkdirAll(r.to("to"), 0o755))
				r.must(os.Chown(r.to("to"), 1000, 1000))
				return r.to("to"), r.made(ctx)
			},
			func(r *repo, ctx context.Context, s *engine.Snapshot) error {
				_, err := r.engine().Restore(ctx, s, engine.Restoration{To: r.to("to"), Overwrite: engine.Always, Delete: true})
				return err
			},
		},
		"remove": {inSnapshot, func(r *repo, ctx context.Context, s *engine.Snapshot) error {
			r.made(ctx) // the newest is never removed
			_, err := r.engine().Remove(ctx, s)
			return err
		}},
		"heal": {inSnapshot, func(r *repo, ctx context.Context, s *engine.Snapshot) error {
			_, err := r.engine().Verify(ctx, s, engine.Check{Sample: 1, Heal: true})
			return err
		}},
		"add": {inSnapshot, func(r *repo, ctx context.Context, s *engine.Snapshot) error {
			os.Remove(s.Path + ".sha256.gz")
			_, err := r.engine().Adopt(ctx, "")
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			outside := t.TempDir()
			r.must(os.WriteFile(outside+"/file", []byte(precious), 0o600))
			r.must(os.MkdirAll(outside+"/a/b/c", 0o700))
			r.must(os.WriteFile(outside+"/a/b/a", []byte(precious), 0o600))
			for _, path := range []string{"a/a/a", "a/b/c", "b/c/a", "b/b", "c/c/c", "c/a"} {
				r.write(path, strings.Repeat(path, 1000))
			}
			r.must(filepath.WalkDir(r.source, func(path string, _ fs.DirEntry, err error) error {
				if err == nil {
					err = os.Lchown(path, 1000, 1000)
				}
				return err
			}))
			before := treeOf(t, outside)
			ctx, cancel := context.WithTimeout(t.Context(), *flips+time.Minute)
			defer cancel()
			runs, failed := 0, 0
			for end := time.Now().Add(*flips); time.Now().Before(end); runs++ {
				dir, s := race.begin(r, ctx)
				stop := flipping(t, dir, outside)
				if err := race.work(r, ctx, s); err != nil {
					failed++
					if t.Log(err); name == "backup" {
						t.Error("the owner of a source has ended the run")
					}
				}
				stop()
			}
			if ctx.Err() != nil {
				t.Error("a verb did not come to its end")
			}
			t.Logf("%d runs, of which %d failed", runs, failed)
			if after := treeOf(t, outside); after != before {
				t.Errorf("outside is\n%s\nwas\n%s", after, before)
			}
			secret := sha256.Sum256([]byte(precious))
			filepath.WalkDir(r.root, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() {
					if text, err := os.ReadFile(path); err == nil && sha256.Sum256(text) == secret {
						t.Errorf("%s was read from outside", path)
					}
				}
				return nil
			})
		})
	}
}

// made makes a snapshot, of whatever the source holds.
func (r *repo) made(ctx context.Context) *engine.Snapshot {
	r.Helper()
	s, err := r.engine().Backup(ctx, engine.Source{Root: r.source})
	r.must(err)
	return s
}

// inSnapshot has the user who owns the source flip what lies in a new snapshot.
func inSnapshot(r *repo, ctx context.Context) (string, *engine.Snapshot) {
	s := r.made(ctx)
	return s.Path, s
}
