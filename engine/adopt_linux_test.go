package engine_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/engine/manifest"
	"phlb/engine/testenv"
	"phlb/engine/walk"
)

// Trees that were linked to one another by hand, as other tools leave them, are
// read once.
func TestAdoptLinkedTrees(t *testing.T) {
	t.Parallel()
	tool(t, "cp")
	r := newRepo(t)
	r.write("a", "content", "b", "other", "dir/c", "more")
	first := r.put("rotated/2026-01-01-000000")
	var trees []string
	for day := 2; day <= 4; day++ {
		to := filepath.Join(r.root, fmt.Sprintf("rotated/2026-01-%02d-000000", day))
		if out, err := exec.Command("cp", "-al", first, to).CombinedOutput(); err != nil {
			t.Fatalf("cp: %v: %s", err, out)
		}
		trees = append(trees, to)
	}
	report := r.adopt("rotated")
	if len(report.Added) != 4 || report.Files != 12 || report.Read != 3 || report.Linked != 0 || !report.OK() {
		t.Errorf("added %d, looked at %d, read %d, linked %d; want 4, 12, 3, 0: %v",
			len(report.Added), report.Files, report.Read, report.Linked, report.Problems)
	}
	for _, to := range trees {
		r.together(true, filepath.Join(first, "dir/c"), filepath.Join(to, "dir/c"))
	}
	if to, err := os.Readlink(filepath.Join(r.root, "rotated/latest")); to != "2026-01-04-000000" {
		t.Errorf("latest leads to %s, %v", to, err)
	}
}

// Names of one inode that are come to at the same time are read once, too.
func TestAdoptReadsOnce(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("00/large", strings.Repeat("large", 1<<20))
	for n := 1; n < 16; n++ {
		folder := r.in(fmt.Sprintf("%02d", n))
		r.must(os.Mkdir(folder, 0o755))
		r.must(os.Link(r.in("00/large"), filepath.Join(folder, "large")))
	}
	r.put("name/2026-01-01-000000")
	if report := r.adopt(""); report.Files != 16 || report.Read != 1 || report.Bytes != 5<<20 {
		t.Errorf("of %d files, %d were read, %d bytes; want 16, 1, %d", report.Files, report.Read, report.Bytes, 5<<20)
	}
}

// The time of a tree whose folder does not tell it is that of the folder.
func TestAdoptStarted(t *testing.T) {
	t.Parallel()
	when := time.Unix(1e9, 0)
	for stamp, want := range map[string]time.Time{
		"2026-11-22-104500":   time.Date(2026, 11, 22, 10, 45, 0, 0, time.Local),
		"2026-11-22-104500-2": time.Date(2026, 11, 22, 10, 45, 0, 0, time.Local),
		"2026-11-22":          when,
		"2026-13-22-104500":   when,
		"by hand":             when,
	} {
		t.Run(stamp, func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "content")
			r.must(os.Chtimes(r.put("name/"+stamp), when, when))
			if s := r.adopt("").Added[0]; !s.Started.Equal(want) {
				t.Errorf("started %v, want %v", s.Started, want)
			}
		})
	}
}

// A tree that somebody is still writing becomes no snapshot, and does the next
// time.
func TestAdoptChangingTree(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	r.put("other/2026-01-01-000000")
	r.write("large", "x")
	at := r.put("name/2026-01-01-000000")
	// The clock is looked at between the look at a file and the reading of it.
	now := r.now
	r.now = func() time.Time {
		f, err := os.OpenFile(filepath.Join(at, "large"), os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.WriteString("x")
			f.Close()
		}
		if err != nil {
			t.Error(err)
		}
		return now()
	}
	report := r.adopt("")
	r.now = now
	r.wantAdded(report, "other/2026-01-01-000000")
	r.wantProblems(report, "unreadable: name/2026-01-01-000000", "unreadable: name/2026-01-01-000000/large")
	if _, err := os.Lstat(at + manifest.Suffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a manifest: %v", err)
	}
	report = r.adopt("")
	r.wantAdded(report, "name/2026-01-01-000000")
	r.wantProblems(r.verify(report.Added[0], all))
}

const adoptVariable = "PHLB_ENGINE_TEST_ADOPT"

// TestAdoptKilled kills a process that adopts a tree at several moments: what
// was sealed is whole, no file of the tree is lost or changed, and the next one
// ends the work.
func TestAdoptKilled(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(adoptVariable); dir != "" {
		r := newRepoIn(t, dir)
		fmt.Println("ready")
		_, err := r.engine().Adopt(context.Background(), "")
		r.must(err)
		fmt.Println("done")
		return
	}
	const files = 1000
	r := newRepo(t)
	for i := range files {
		r.write(fmt.Sprintf("%d/file-%d", i%10, i), fmt.Sprint("content ", i))
	}
	sealed := r.backup()
	promised := linkless(tree(r, sealed.Path))
	at := r.put("foreign/2026-01-01-000000")
	before := tree(r, at)
	kills := 0
	for round := 0; ; round++ {
		c := exec.Command(os.Args[0], "-test.run=^TestAdoptKilled$")
		c.Env = append(os.Environ(), adoptVariable+"="+filepath.Dir(r.root))
		out, err := c.StdoutPipe()
		r.must(err)
		r.must(c.Start())
		lines := bufio.NewReader(out)
		line, err := lines.ReadString('\n')
		for err == nil && line != "ready\n" {
			line, err = lines.ReadString('\n')
		}
		r.must(err)
		ended := make(chan string, 1)
		go func() {
			line, _ := lines.ReadString('\n')
			ended <- line
		}()
		want := round * files / 8
		for r.shared(at) <= want && len(ended) == 0 {
		}
		if want < files {
			c.Process.Kill() // or it has ended meanwhile
		}
		line = <-ended
		c.Wait()
		switch {
		case line == "" && want < files:
			kills++
		case line != "done\n":
			t.Fatalf("round %d ended with %q", round, line)
		}
		if want >= files { // it was let be
			break
		}
		r.check(sealed)
		same(t, "sealed before", linkless(tree(r, sealed.Path)), promised)
	}
	if kills == 0 {
		t.Error("nothing was killed")
	}
	r.adopt("")
	s, err := r.engine().Snapshot(context.Background(), "foreign")
	r.must(err)
	r.check(s)
	r.indexed(s)
	after := tree(r, at)
	lost := 0
	for path, was := range before {
		if is := after[path]; is.kind == fs.ModeDir && is.mtime != was.mtime {
			lost++ // killed between the change of a name and the folder's time
			was.mtime = is.mtime
		}
		before[path], after[path] = was.like(), after[path].like()
	}
	if workers := (&walk.Walk{}).WorkerCount(); lost > kills*workers {
		t.Errorf("%d folders lost their time by %d kills of %d workers", lost, kills, workers)
	}
	same(t, "adopted", after, before)
	if n := r.shared(at); n != files {
		t.Errorf("%d files share the inode of another, want %d", n, files)
	}
	same(t, "sealed before", linkless(tree(r, sealed.Path)), promised)
}

func adopted(at string) bool {
	_, err := os.Lstat(at + manifest.Suffix)
	return err == nil
}

// shared counts the files below dir that are links.
func (r *repo) shared(dir string) (n int) {
	r.Helper()
	folders, err := os.ReadDir(dir)
	r.must(err)
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(dir, folder.Name()))
		r.must(err)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") && lstat(r, filepath.Join(dir, folder.Name(), e.Name())).links > 1 {
				n++
			}
		}
	}
	return n
}

// What a kill between a link and its rename leaves is no file of the user's.
func TestAdoptSweeps(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", ".phlb-own~", "a user's, whatever it is called")
	r.must(os.Link(r.in(".phlb-own~"), r.in(".phlb-other~")))
	sealed := r.backup()
	at := r.put("foreign/2026-01-01-000000")
	before := tree(r, at)
	r.keepingMtime(at, func() {
		sum := sha256.Sum256([]byte("a"))
		r.must(os.Link(filepath.Join(sealed.Path, "a"), filepath.Join(at, fmt.Sprintf(".phlb-%x~", sum[:8]))))
	})
	report := r.adopt("")
	r.wantAdded(report, "foreign/2026-01-01-000000")
	r.wantProblems(r.verify(report.Added[0], all))
	after := tree(r, at)
	for path := range before {
		before[path], after[path] = before[path].like(), after[path].like()
	}
	same(t, "adopted", after, before)
}

func TestAdoptStops(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "dir/b", "more")
	sealed := r.backup()
	at := r.put("foreign/2026-01-01-000000")
	before := tree(r, at)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := r.watched(func(e *engine.Engine) {
		if e.Progress.Verb() == "seal foreign/2026-01-01-000000" {
			cancel()
		}
	})
	if _, err := e.Adopt(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if adopted(at) {
		t.Error("there is a manifest")
	}
	r.check(sealed)
	report := r.adopt("")
	r.wantAdded(report, "foreign/2026-01-01-000000")
	if report.Linked != 0 { // that was done before
		t.Errorf("linked %d", report.Linked)
	}
	after := tree(r, at)
	for path := range before {
		before[path], after[path] = before[path].like(), after[path].like()
	}
	same(t, "adopted", after, before)
}

// A tree that no run has made: all that an entry can be.
func TestAdoptForeignTree(t *testing.T) {
	testenv.Root(t)
	for _, match := range []config.Match{config.MatchPermissions, config.MatchContent, config.MatchExact} {
		t.Run(string(match), func(t *testing.T) {
			r := newRepo(t)
			r.config.Match = match
			when := time.Unix(1e9, 987654321)
			r.write("a", "content", "dir/b", "content", "dir/mode", "content", "dir/owner", "content", "dir/time", "content",
				"odd \n\\ \xff name", "odd", "large", strings.Repeat("large", 1<<17), "empty", "", "dir/empty", "")
			r.must(os.Symlink("no\xffwhere", r.in("link")))
			r.fifo(r.in("dir/fifo"), 0o620)
			r.must(os.Chmod(r.in("dir/mode"), 0o4711))
			r.must(os.Chown(r.in("dir/owner"), 77, 78))
			for _, name := range []string{"a", "dir/b", "dir/mode", "dir/owner", "dir"} {
				r.must(os.Chtimes(r.in(name), when, when))
			}
			r.must(os.Chmod(r.in("dir"), 0o2750))
			other := newRepoIn(t, t.TempDir())
			other.root, other.config, other.now, other.log = r.root, r.config, r.now, r.log
			other.write("known", strings.Repeat("large", 1<<17))
			r.must(os.Chtimes(other.in("known"), when, when))
			sealed := other.backup()
			promised := tree(r, sealed.Path)

			at := r.put("foreign/by hand")
			before := tree(r, at)
			report := r.adopt("foreign")
			r.wantAdded(report, "foreign/by hand")
			same(t, "sealed before", linkless(tree(r, sealed.Path)), linkless(promised))
			after := tree(r, at)
			entries := readManifest(t, report.Added[0])
			for path, was := range before {
				is, e := after[path], entries[path]
				if e.Mode != was.mode && was.target == "" || e.UID != was.uid || e.GID != was.gid || e.Mtime != was.mtime {
					t.Errorf("the manifest says of %q %+v %v, it was %+v", path, e.Permissions, e.Mtime.Time(), was)
				}
				if e.Stored == nil && is.like() != was.like() {
					t.Errorf("%q is\n%+v, was\n%+v", path, is.like(), was.like())
				}
				if is.digest != was.digest {
					t.Errorf("%q holds other bytes than before", path)
				}
			}
			shares := map[string]bool{
				"dir/b": true, "dir/time": match != config.MatchExact,
				"dir/mode": match == config.MatchContent, "dir/owner": match == config.MatchContent,
			}
			linked := int64(0)
			for name, want := range shares {
				r.together(want, filepath.Join(at, "a"), filepath.Join(at, name))
				if want {
					linked++
				}
			}
			r.together(match != config.MatchExact, filepath.Join(at, "large"), filepath.Join(sealed.Path, "known"))
			saved := 7 * linked
			if match != config.MatchExact {
				linked, saved = linked+1, saved+5<<17
			}
			if report.Files != 9 || report.Read != 9 || report.Linked != linked || report.Saved != saved {
				t.Errorf("looked at %d, read %d, linked %d, saved %d; want 9, 9, %d, %d",
					report.Files, report.Read, report.Linked, report.Saved, linked, saved)
			}
			r.wantProblems(r.verify(report.Added[0], all))
		})
	}
}

// linkless takes away what a link from elsewhere changes.
func linkless(found map[string]node) map[string]node {
	for path, n := range found {
		n.links = 0
		found[path] = n
	}
	return found
}
