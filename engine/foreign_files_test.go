package engine_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
)

const stampOld = "2016-01-10-123456"

// tree of another tool: where it lies, and what is put into it.
type oldTree struct {
	*repo
	path string
}

func newOldTree(t *testing.T, ref string) *oldTree {
	r := newRepo(t)
	return &oldTree{r, filepath.Join(r.root, ref)}
}

// put makes files: path, content, ….
func (o *oldTree) put(pairs ...string) {
	o.Helper()
	for i := 0; i < len(pairs); i += 2 {
		at := filepath.Join(o.path, pairs[i])
		o.must(os.MkdirAll(filepath.Dir(at), 0o755))
		o.must(os.WriteFile(at, []byte(pairs[i+1]), 0o644))
	}
}

func sha512of(content string) string { return fmt.Sprintf("%x", sha512.Sum512([]byte(content))) }

// sidecars makes files as pyhardlinkbackup 0.12 does, and all that marks its
// snapshots.
func (o *oldTree) sidecars(pairs ...string) {
	o.Helper()
	o.put("phlb_config.ini", "[BACKUP_RUN]\nprimary_key = 1\n\n", "../"+stampOld+".log", "…\nBackup done in 0.1sec\n---END---\n")
	for i := 0; i < len(pairs); i += 2 {
		o.put(pairs[i], pairs[i+1], pairs[i]+".sha512", sha512of(pairs[i+1]))
	}
}

// sums does so as 1.x.
func (o *oldTree) sums(pairs ...string) {
	o.Helper()
	o.put("../"+stampOld+"-summary.txt", "\nBackup complete: …\n")
	lists := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		o.put(pairs[i:][:2]...)
		lists[path.Dir(pairs[i])] += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(pairs[i+1])), path.Base(pairs[i]))
	}
	for folder, list := range lists {
		o.put(folder+"/SHA256SUMS", list)
	}
}

// take adopts the tree.
func (o *oldTree) take(problems ...string) *engine.Snapshot {
	o.Helper()
	report := o.adoptOld()
	for i, p := range problems {
		what, at, _ := strings.Cut(p, ": ")
		problems[i] = what + ": " + path.Join("x/"+filepath.Base(o.path), at)
	}
	o.wantProblems(report, problems...)
	if len(report.Added) != 1 {
		o.Fatalf("added %v", report.Added)
	}
	return report.Added[0]
}

// What only looks like a file of the tool's is content.
func TestForeignOwnFiles(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("0a", 64)
	t.Run("Sidecars", func(t *testing.T) {
		o := newOldTree(t, "x/"+stampOld)
		o.sidecars("a", "1", "dir/b", "2",
			"iso", "3", "list.sha512", digest+"  iso\n", // a user's list
			"iso.sha256", strings.Repeat("0a", 32), // not theirs: it has a digest of its own
			"dir/phlb_config.ini", "[BACKUP_RUN]\nprimary_key = 1\n")
		o.put("c", "no digest", "d.sha512", "no digest", "e", "4", "e.sha512", digest+" more",
			"f", "5", "f.md5", strings.Repeat("0a", 16)+"\n", "g.sha512/h", "6", ".sha512", digest)
		s := o.take("content: f")
		if s.Errors != 1 {
			t.Errorf("%d errors", s.Errors)
		}
		o.wantFiles(s, "a", "dir/b", "iso", "list.sha512", "iso.sha256", "dir/phlb_config.ini",
			"c", "d.sha512", "e", "e.sha512", "f", "g.sha512/h", ".sha512")
		o.wantProblems(o.verify(s, all), "content: f")
	})
	t.Run("Lost", func(t *testing.T) {
		o := newOldTree(t, "x/"+stampOld)
		o.sidecars("a", "1", "dir/b", "2")
		o.must(os.Remove(o.path + "/dir/b"))
		s := o.take("missing: dir/b")
		o.wantFiles(s, "a", "dir/b.sha512") // all that is left of it
		o.wantProblems(o.verify(s, all))
	})
	t.Run("Sums", func(t *testing.T) {
		o := newOldTree(t, "x/"+stampOld)
		o.sums("a", "1", "two\nlines", "2", `back\slash`, "3", "dir/b", "4", "gone/c", "5", "gone/d", "6")
		o.must(os.Remove(o.path + "/gone/c"))
		o.put("more", "7", "own/SHA256SUMS", "just a text\n", "other/SHA256SUMS", strings.Repeat("0a", 32)+"  dir/b\n")
		s := o.take("missing: gone/c")
		o.wantFiles(s, "a", "two\nlines", `back\slash`, "dir/b", "gone/d", "more", "own/SHA256SUMS", "other/SHA256SUMS")
		o.wantProblems(o.verify(s, all))
		o.put("extra", "8")
		o.wantProblems(o.verify(s, all), "extra: extra", "mtime: .")
	})
	t.Run("NoTool", func(t *testing.T) {
		o := newOldTree(t, "x/"+stampOld)
		o.put("a", "1", "a.sha512", sha512of("1"), "SHA256SUMS", fmt.Sprintf("%x  a\n", sha256.Sum256([]byte("1"))))
		s := o.take()
		o.wantFiles(s, "a", "a.sha512", "SHA256SUMS")
		if len(s.Tags) != 0 {
			t.Errorf("tags %q", s.Tags)
		}
	})
}

// Damage that a digest of theirs tells is reported, and goes no further.
func TestForeignDamage(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*oldTree, ...string){"Sidecars": (*oldTree).sidecars, "Sums": (*oldTree).sums} {
		t.Run(name, func(t *testing.T) {
			o := newOldTree(t, "x/"+stampOld)
			write(o, "a", "content", "dir/b", "more", "dir/same", "more")
			o.must(os.Remove(o.path + "/dir/same"))
			o.must(os.Link(o.path+"/dir/b", o.path+"/dir/same"))
			o.rot(o.path + "/dir/b")
			s := o.take("content: dir/b", "content: dir/same")
			if s.Errors != 2 {
				t.Errorf("%d errors", s.Errors)
			}
			o.logged("dir/b")
			o.write("a", "content", "dir/b", "more")
			next, err := o.try(engine.Source{Name: "x"})
			o.must(err)
			o.check(next)
			o.together(true, s.Path+"/a", next.Path+"/a")
			o.together(false, s.Path+"/dir/b", next.Path+"/dir/b")
			o.wantProblems(o.verify(s, all), "content: dir/b", "content: dir/same") // it stays known
			o.wantProblems(o.verify(next, all))
		})
	}
}

// A snapshot that the tool did not bring to its end is not complete.
func TestForeignCutOff(t *testing.T) {
	t.Parallel()
	log, summary := "../"+stampOld+".log", "../"+stampOld+"-summary.txt"
	for _, test := range []struct {
		name   string
		write  func(*oldTree, ...string)
		file   string
		text   string
		errors int64
	}{
		{"NoLog", (*oldTree).sidecars, log, "", 1},
		{"Log", (*oldTree).sidecars, log, "INFO Start backup\nINFO Backup done.txt\n", 1},
		{"Interrupted", (*oldTree).sidecars, log, "\n *** Abort backup, because user hits the interrupt key during execution! ***\n\nBackup done in 1sec\n---END---", 1},
		{"Omitted", (*oldTree).sidecars, log, "\nBackup done in 1sec\n * WARNING: 3 omitted files!\n", 3},
		{"Early", (*oldTree).sidecars, "../" + stampOld + " summary.txt", "Backup done in 1sec\n", 0},
		{"NoSummary", (*oldTree).sums, summary, "", 1},
		{"Errors", (*oldTree).sums, summary, "\nBackup complete: x\n  Errors during backup: 12 (see log for details)\n", 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOldTree(t, "x/"+stampOld)
			test.write(o, "a", "content", "dir/b", "more")
			o.must(os.MkdirAll(o.root+"/.phlb/hash-lookup", 0o755))
			o.must(os.RemoveAll(filepath.Join(o.path, log)))
			o.must(os.RemoveAll(filepath.Join(o.path, summary)))
			if test.text != "" {
				o.put(test.file, test.text)
			}
			var want []string
			if test.errors > 0 {
				want = []string{"incomplete: "}
			}
			s := o.take(want...)
			o.wantFiles(s, "a", "dir/b")
			if s.Errors != test.errors {
				t.Errorf("%d errors, want %d", s.Errors, test.errors)
			}
		})
	}
	// The file that was being copied is told from those that are whole.
	t.Run("File", func(t *testing.T) {
		o := newOldTree(t, "x/"+stampOld)
		o.sidecars("a", "content")
		o.put("b.md5", strings.Repeat("0a", 16), "b.md5.sha512", "", "b", "more", "b.sha512", sha512of("more"), log, "INFO Start backup\n")
		o.wantFiles(o.take("incomplete: ", "incomplete: b.md5"), "a", "b", "b.md5")
	})
}
