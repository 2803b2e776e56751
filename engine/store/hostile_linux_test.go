package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine/handle"
	"phlb/engine/lock"
	"phlb/engine/manifest"
	"phlb/engine/testenv"
)

// Somebody else may write to the root, or to directories of snapshots in it.

// victim returns a directory outside of the root, and what checks that nothing
// in it was touched.
func victim(t *testing.T, files ...string) (path string, check func()) {
	t.Helper()
	path = t.TempDir()
	for _, f := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(path, f)), 0o755))
		must(t, os.WriteFile(filepath.Join(path, f), []byte("precious"), 0o600))
		must(t, os.Chtimes(filepath.Join(path, f), time.Unix(1, 0), time.Unix(1, 0)))
	}
	before := prints(t, path)
	return path, func() {
		t.Helper()
		wantSame(t, before, prints(t, path))
	}
}

// plant puts a symbolic link into the root.
func plant(t *testing.T, r *Root, target string, at ...string) {
	t.Helper()
	path := filepath.Join(append([]string{r.Path}, at...)...)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.RemoveAll(path))
	must(t, os.Symlink(target, path))
}

func TestPlantedLinks(t *testing.T) {
	me := Owner{Who: "me", Host: "here", Boot: "1"}
	for name, test := range map[string]func(t *testing.T, r *Root) (check func()){
		"what is removed": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "letters/mum")
			snapshot(t, r, "1")
			plant(t, r, out, "docs", removed+"1")
			plant(t, r, out, "docs", removed+"2")
			bin, err := r.OpenTrash(t.Context(), me)
			must(t, err)
			defer bin.Close()
			must(t, bin.Discard(Ref{"docs", "1"}))
			if _, err := bin.Empty(t.Context(), new(atomic.Int64)); err != nil {
				t.Error(err)
			}
			return check
		},
		"reserve": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "f")
			plant(t, r, filepath.Join(out, "f"), internal, "reserve")
			r.Reserve()
			return check
		},
		"folder of a lock": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "1", "9", "ca-certificates.conf")
			plant(t, r, out, internal, locks, lock.Records, sealLock)
			if lock, err := r.LockSeal(t.Context(), me); err == nil {
				t.Error("a link is taken for the folder of a lock")
				lock.Unlock()
			}
			r.Locks(me)
			r.Break(t.Context(), "", me, true)
			return check
		},
		"record of a lock": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "f")
			held, err := r.LockName(t.Context(), "docs", me, false)
			must(t, err)
			plant(t, r, filepath.Join(out, "f"), internal, locks, lock.Records, nameLock+"docs", "1")
			must(t, held.Unlock())
			if lock, err := r.LockName(t.Context(), "docs", me, false); err == nil {
				t.Error("a link is taken for a record")
				lock.Unlock()
			}
			return check
		},
		"lock": func(t *testing.T, r *Root) func() {
			out, check := victim(t)
			plant(t, r, filepath.Join(out, "made"), internal, locks, nameLock+"docs")
			if lock, err := r.LockName(t.Context(), "docs", me, false); err == nil {
				t.Error("a link is taken for a lock")
				lock.Unlock()
			}
			return check
		},
		"folder of a name": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "1.partial/f", "2.partial/manifest.sha256.gz")
			plant(t, r, out, "docs")
			if p, err := r.Begin("docs", "3"); err == nil {
				t.Error("a link is taken for the folder of a name")
				p.Close()
			}
			r.Point(Ref{"docs", "3"})
			return check
		},
		"partial": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "tree/f", "manifest.sha256.gz")
			plant(t, r, out, "docs", "1.partial")
			p := begin(t, r, "1")
			fill(t, p, 10)
			sealIt(t, p)
			return check
		},
		"previous": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "tree/f", "manifest.sha256.gz")
			cutOff(t, r, "1", 10)
			plant(t, r, out, "docs", "1.partial", previousName)
			p := begin(t, r, "1")
			fill(t, p, 10)
			sealIt(t, p)
			return check
		},
		"log while it is written": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "f")
			p := begin(t, r, "1")
			fill(t, p, 10)
			for _, name := range []string{logName, manifestName} {
				plant(t, r, filepath.Join(out, "f"), "docs", "1.partial", name)
			}
			must(t, errors.Join(p.Manifest.Close(), p.Log.Close(), p.Sync()))
			p.Seal(t.Context())
			return check
		},
		"log of what is adopted": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "f")
			must(t, os.MkdirAll(filepath.Join(r.Path, "docs/1"), 0o755))
			plant(t, r, filepath.Join(out, "f"), "docs", "1.log")
			if p, err := r.Adopt(Ref{"docs", "1"}); err == nil || !strings.Contains(err.Error(), "move it away") {
				t.Errorf("a link is taken for a log: %v", err)
				p.Close()
			}
			return check
		},
		"adoption": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "f")
			must(t, os.MkdirAll(filepath.Join(r.Path, "docs/1"), 0o755))
			plant(t, r, out, internal, "adopt-docs")
			p, err := r.Adopt(Ref{"docs", "1"})
			must(t, err)
			sealIt(t, p)
			return check
		},
		"manifest": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "f")
			ref := snapshot(t, r, "1")
			plant(t, r, filepath.Join(out, "f"), "docs", "1"+manifest.Suffix)
			if f, err := r.OpenManifest(ref); err == nil {
				t.Error("a link is taken for a manifest")
				f.Close()
			}
			return check
		},
		"all of ours": func(t *testing.T, r *Root) func() {
			out, check := victim(t, "reserve", "catalog.ql")
			plant(t, r, out, internal)
			if again, err := Create(r.Path); err == nil {
				t.Error("a link is taken for our folder")
				again.Close()
			}
			r.Reserve()
			r.Draw()
			return check
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newRoot(t))()
		})
	}
}

// TestSwappedLink has somebody swap a link to a program of root's for whatever
// comes to lie in a folder of his, again and again: no mode and no owner may be
// given to the program.
func TestSwappedLink(t *testing.T) {
	testenv.Root(t)
	program, check := victim(t, "program")
	program = filepath.Join(program, "program")
	dir := t.TempDir()
	must(t, os.Chown(dir, testenv.Nobody, testenv.Nobody))
	must(t, os.Chmod(dir, 0o777))
	d, err := OpenDir(dir)
	must(t, err)
	defer d.Close()
	link := filepath.Join(dir, "ready")
	var running sync.WaitGroup
	var stop atomic.Bool
	for range 2 {
		running.Go(func() {
			for !stop.Load() {
				entries, _ := os.ReadDir(dir)
				for _, e := range entries {
					if e.Name() != "ready" && e.Type() != fs.ModeSymlink {
						os.Symlink(program, link)
						os.Rename(link, filepath.Join(dir, e.Name()))
					}
				}
			}
		})
	}
	e := entry(manifest.Fifo, 0o4755)
	e.UID, e.GID = testenv.Nobody, testenv.Nobody
	for range 3000 {
		d.Make("fifo", e)
		d.ReplaceMade("other", e)
		os.Remove(filepath.Join(dir, "fifo"))
		os.Remove(filepath.Join(dir, "other"))
	}
	stop.Store(true)
	running.Wait()
	check()
}

// Manifest and log of a run are files that it has made itself.
func TestPlantedInPartial(t *testing.T) {
	for _, name := range []string{manifestName, logName} {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, name), []byte("of others"), 0o666); err != nil {
			t.Fatal(err)
		}
		dir, err := OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		if err := (&Partial{Scratch: dir}).createFiles(); !errors.Is(err, fs.ErrExist) {
			t.Errorf("with a planted %s: %v, want %v", name, err, fs.ErrExist)
		}
	}
}

// What is no file must not be waited for, nor what is no record be believed.
func TestKindsOfRecords(t *testing.T) {
	r := newRoot(t)
	me := Owner{Who: "me", Host: "here", Boot: "1"}
	ref := snapshot(t, r, "1")
	must(t, os.Remove(r.ManifestPath(ref)))
	must(t, unix.Mkfifo(r.ManifestPath(ref), 0o644))
	if _, err := r.OpenManifest(ref); !errors.Is(err, handle.ErrNotRegular) {
		t.Errorf("a fifo for a manifest: %v", err)
	}
	must(t, os.MkdirAll(filepath.Join(r.Path, "docs/2"), 0o755))
	must(t, unix.Mkfifo(filepath.Join(r.Path, "docs/2.log"), 0o644))
	if _, err := r.Adopt(Ref{"docs", "2"}); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("a fifo for a log: %v", err)
	}
	held, err := r.LockName(t.Context(), "docs", me, false)
	must(t, err)
	must(t, held.Unlock())
	record := func(name string) string {
		return filepath.Join(r.Path, internal, locks, lock.Records, nameLock+"docs", name)
	}
	for name, make := range map[string]func(path string) error{
		"7":                   func(path string) error { return unix.Mkfifo(path, 0o644) },
		"8":                   func(path string) error { return os.Mkdir(path, 0o755) },
		"9":                   func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o644) },
		"9223372036854775807": func(path string) error { return os.WriteFile(path, nil, 0o644) },
	} {
		must(t, make(record(name)))
		lock, err := r.LockName(t.Context(), "docs", me, false)
		if err == nil {
			t.Errorf("locked in spite of %s", name)
			lock.Unlock()
		}
		if _, err := r.Break(t.Context(), "docs", me, true); err == nil {
			t.Errorf("unlocked in spite of %s", name)
		}
		must(t, os.RemoveAll(record(name)))
	}
	for _, odd := range []string{"007", "+7", "-1", "x", "99999999999999999999"} {
		must(t, os.WriteFile(record(odd), []byte("{}"), 0o644))
	}
	held, err = r.LockName(t.Context(), "docs", me, false)
	must(t, err)
	must(t, held.Unlock())
	path := filepath.Join(r.Path, internal, locks, nameLock+"docs")
	must(t, os.Remove(path))
	must(t, unix.Mkfifo(path, 0o644))
	if _, err := r.LockName(t.Context(), "docs", me, true); !errors.Is(err, handle.ErrNotRegular) {
		t.Errorf("a fifo for a lock: %v", err)
	}
}

// TestPrivate looks at all that a run leaves under a root, made with no umask.
func TestPrivate(t *testing.T) {
	old := unix.Umask(0) // of the process: no other test runs
	defer unix.Umask(old)
	above := filepath.Join(t.TempDir(), "above")
	path := filepath.Join(above, "root")
	r := rootAt(t, path)
	if info, err := os.Stat(above); err != nil || info.Mode().Perm()&0o022 != 0 {
		t.Errorf("others may write to the folder above: %v, %v", info.Mode(), err)
	}
	lock, err := r.LockName(t.Context(), "docs", Owner{Who: "me"}, false)
	must(t, err)
	snapshot(t, r, "1")
	bin, err := r.OpenTrash(t.Context(), Owner{Who: "me"})
	must(t, err)
	must(t, bin.Discard(snapshot(t, r, "2")))
	defer bin.Close()
	defer lock.Unlock()
	must(t, filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		below, _ := filepath.Rel(path, p)
		ours := below == "." || below == "docs" || strings.HasPrefix(below, internal) && !strings.HasPrefix(below, "docs/"+removed) ||
			strings.HasSuffix(below, manifest.Suffix) || strings.HasSuffix(below, logSuffix)
		if ours && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", below, info.Mode())
		}
		return nil
	}))
}

// TestTightened opens a root whose own folder others can look into, as they could
// in one that was made with the umask alone.
func TestTightened(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	ours := filepath.Join(r.Path, internal)
	must(t, os.Chmod(ours, 0o775))
	again, err := Create(r.Path)
	must(t, err)
	again.Close()
	if info, err := os.Stat(ours); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s has mode %v, %v", internal, info.Mode(), err)
	}
}

// TestTakenFolder begins where somebody has put a folder that all may write to in the
// place of one that a run has left.
func TestTakenFolder(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	cutOff(t, r, "1", 1)
	path := filepath.Join(r.Path, "docs", "1"+partialSuffix)
	must(t, os.Chmod(path, 0o777))
	p, err := r.Begin("docs", "1")
	must(t, err)
	defer p.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the run has mode %v, %v", info.Mode(), err)
	}
}

// TestShare opens a root to a group, with the folders of names that are there and
// those that come.
func TestShare(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	snapshot(t, r, "1")
	group := os.Getgid()
	if os.Geteuid() == 0 {
		group += 12345 // else it would be that of all that is made
	}
	must(t, r.Share(uint32(group)))
	other, err := r.Begin("other", "1")
	must(t, err)
	other.Close()
	for path, want := range map[string]os.FileMode{".": 0o750, "docs": 0o750, "other": 0o750, internal: 0o700} {
		info, err := os.Stat(filepath.Join(r.Path, path))
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
		if gid := info.Sys().(*syscall.Stat_t).Gid; path != internal && int(gid) != group {
			t.Errorf("%s is of group %d, want %d", path, gid, group)
		}
	}
	if gid, err := r.SharedWith(); gid != int64(group) || err != nil {
		t.Errorf("shared with %d, %v", gid, err)
	}
}

// TestLockOfReaders takes from those who may only read a lock that they could
// hold it, and leaves it to those who share the root.
func TestLockOfReaders(t *testing.T) {
	for before, after := range map[os.FileMode]os.FileMode{0o644: 0o600, 0o664: 0o660, 0o666: 0o666, 0o640: 0o600} {
		r := newRoot(t)
		path := filepath.Join(r.Path, internal, locks, nameLock+"docs")
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, os.Chmod(path, before))
		lock, err := r.LockName(t.Context(), "docs", Owner{Who: "me"}, false)
		must(t, err)
		must(t, lock.Unlock())
		if info, err := os.Stat(path); err != nil || info.Mode() != after {
			t.Errorf("a lock of mode %v has %v, %v", before, info.Mode(), err)
		}
	}
}

// TestSealWaitEnds waits for one who holds the kernel's lock alone, and for one
// on another host.
func TestSealWaitEnds(t *testing.T) {
	r := newRoot(t)
	held, err := r.LockSeal(t.Context(), Owner{Who: "pid 17 on laptop", Host: "laptop"})
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		_, err := r.LockSeal(t.Context(), Owner{Who: "me", Host: "here"})
		locked, ok := errors.AsType[*LockedError](err)
		if !ok || locked.Holder != "pid 17 on laptop" || locked.Waited != time.Minute || time.Since(started) != time.Minute {
			t.Errorf("after %v: %v", time.Since(started), err)
		}
		if ok && !strings.Contains(err.Error(), "pid 17 on laptop, also after 60 s of waiting") {
			t.Errorf("the message is %q", err)
		}
	})
	must(t, held.Unlock())
	nas := Owner{Who: "pid 18 on nas", Host: "nas", Boot: "1"}
	text, err := json.Marshal(nas)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(r.Path, internal, locks, lock.Records, sealLock, "9"), text, 0o600))
	synctest.Test(t, func(t *testing.T) {
		_, err := r.LockSeal(t.Context(), Owner{Who: "me", Host: "here"})
		if locked, ok := errors.AsType[*LockedError](err); !ok || locked.Holder != nas.Who || locked.Waited != time.Minute {
			t.Errorf("for one on another host: %v", err)
		}
	})
}

// TestWorkshop makes replacements where nobody else can write, and clears up
// after those who were killed.
func TestWorkshop(t *testing.T) {
	r := newRoot(t)
	ref := snapshot(t, r, "1")
	tree, err := r.OpenSnapshot(ref)
	must(t, err)
	defer tree.Close()
	must(t, os.Chmod(r.SnapshotPath(ref), 0o777))
	seen := ""
	must(t, tree.ReplaceNew("a", entry(manifest.File, 0o600), func(*File) error {
		names, err := tree.Names()
		seen = strings.Join(names, " ")
		return err
	}))
	if seen != "a d" {
		t.Errorf("while a is replaced the tree holds %s", seen)
	}
	ours := filepath.Join(r.Path, internal)
	workshops := func() int {
		found, err := filepath.Glob(filepath.Join(ours, workshopPrefix+"*"))
		must(t, err)
		return len(found)
	}
	left := filepath.Join(ours, "new-0123456789abcdef")
	must(t, os.Mkdir(left, 0o700))
	for _, path := range []string{left + lockSuffix, filepath.Join(left, handle.TempName())} {
		must(t, os.WriteFile(path, nil, 0o600))
	}
	if n := workshops(); n != 4 { // with their locks
		t.Errorf("there are %d workshops", n)
	}
	again, err := Create(r.Path)
	must(t, err)
	again.Close()
	if n := workshops(); n != 2 {
		t.Errorf("beside the one in use %d are left", n-2)
	}
	must(t, tree.Replace(tree, "a", "b")) // whose workshop is still there
	r.closeWorkshop()
	if n := workshops(); n != 0 {
		t.Errorf("%d workshops are left", n)
	}
}
