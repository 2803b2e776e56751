package engine_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"phlb/engine"
)

// fixture returns a repo whose root is one of testdata/fixtures.
func fixture(t *testing.T, archive, root string) *repo {
	t.Helper()
	r := newRepo(t)
	dir := t.TempDir()
	r.unpack(filepath.Join("../testdata/fixtures", archive), dir)
	r.root = filepath.Join(dir, root)
	r.config = settings(r.root)
	return r
}

func old012(t *testing.T) *repo {
	return fixture(t, "pyhardlinkbackup-0.12-root.tar.gz", "PyHardLinkBackups")
}

func old1(t *testing.T) *repo {
	return fixture(t, "pyhardlinkbackup-1.9-root.tar.gz", "backups1")
}

// unpack unpacks an archive with links, modes and times.
func (r *repo) unpack(archive, dir string) {
	r.Helper()
	file, err := os.Open(archive)
	r.must(err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	r.must(err)
	folders := map[string]time.Time{}
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		r.must(err)
		path := filepath.Join(dir, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			r.must(os.MkdirAll(path, 0o700))
			folders[path] = h.ModTime
		case tar.TypeLink:
			r.must(os.Link(filepath.Join(dir, h.Linkname), path))
		case tar.TypeSymlink:
			r.must(os.Symlink(h.Linkname, path))
		default:
			data, err := io.ReadAll(files)
			r.must(err)
			r.must(os.WriteFile(path, data, h.FileInfo().Mode()))
			r.must(os.Chtimes(path, time.Time{}, h.ModTime))
		}
	}
	for path, mtime := range folders {
		r.must(os.Chtimes(path, time.Time{}, mtime))
	}
}

// adoptOld is adopt for trees of which not all is content.
func (r *repo) adoptOld() *engine.Report {
	r.Helper()
	report, err := r.engine().Adopt(context.Background(), "")
	r.must(err)
	return report
}

// files lists what a snapshot's manifest has, but for folders.
func (r *repo) files(s *engine.Snapshot) []string {
	r.Helper()
	var paths []string
	for path, e := range readManifest(r, s) {
		if e.Kind != 'd' {
			paths = append(paths, path)
		}
	}
	return slices.Sorted(slices.Values(paths))
}

func (r *repo) wantFiles(s *engine.Snapshot, want ...string) {
	r.Helper()
	slices.Sort(want)
	if got := r.files(s); !slices.Equal(got, want) {
		r.Errorf("%s has %q, want %q", s.Ref(), got, want)
	}
}

// still checks that an adoption changed no file that was there, but for which
// of them are one inode. A log goes on.
func (r *repo) still(before map[string]node) {
	r.Helper()
	after := tree(r, r.root)
	maps.DeleteFunc(after, func(path string, _ node) bool {
		_, there := before[path]
		return !there
	})
	for path := range before {
		if strings.HasSuffix(path, ".log") || path == "documents" || path == ".phlb" || path == "." {
			delete(before, path)
			delete(after, path)
		}
	}
	for _, m := range []map[string]node{before, after} {
		for path, n := range m {
			m[path] = n.like()
		}
	}
	same(r, "after", after, before)
}

func TestForeignRoots(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		repo          func(*testing.T) *repo
		tag           string
		first, second []string
		stamps        [2]string
	}{
		{"Sidecars", old012, "pyhardlinkbackup-0.12",
			[]string{"empty.txt", "minutes.txt", "naïve café.txt", "photos/2016/beach.jpg", "photos/SHA256SUMS", "photos/beach-copy.jpg", "spreadsheet.ods"},
			[]string{"empty.txt", "minutes.txt", "naïve café.txt", "new.txt", "photos/2016/beach.jpg", "photos/SHA256SUMS", "photos/beach-renamed.jpg", "spreadsheet.ods"},
			[2]string{"2026-11-22-114015", "2026-11-22-114037"}},
		{"Sums", old1, "pyhardlinkbackup-1",
			[]string{"__pycache__/x.pyc", "empty.txt", "link", "minutes.txt", "naïve café.txt", "new.txt", "notes.tmp", "photos/2016/beach.jpg", "photos/beach-renamed.jpg", "spreadsheet.ods"},
			[]string{"__pycache__/x.pyc", "empty.txt", "link", "minutes.txt", "naïve café.txt", "new.txt", "notes.tmp", "photos/2016/beach.jpg", "photos/beach-renamed.jpg", "spreadsheet.ods"},
			[2]string{"2026-11-22-114038", "2026-11-22-114040"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.repo(t)
			r.config.SnapshotFormat = "%d.%m.%Y-%H%M%S" // not what the old tool did
			now := r.now
			r.now = func() time.Time { return now().In(time.FixedZone("east", 5*3600)) }
			before := tree(r, r.root)
			planned, err := r.dry().Adopt(context.Background(), "")
			r.must(err)
			report := r.adoptOld()
			for i, s := range report.Added {
				if p := planned.Added[i]; p.Files != s.Files || p.Bytes != s.Bytes || p.Errors != s.Errors || !p.Started.Equal(s.Started) {
					t.Errorf("planned %+v, became %+v", p.Snapshot, s.Snapshot)
				}
			}
			r.wantProblems(report)
			r.wantAdded(report, "documents/"+test.stamps[0], "documents/"+test.stamps[1])
			r.still(before)
			for i, s := range report.Added {
				r.wantFiles(s, [][]string{test.first, test.second}[i]...)
				want, err := time.ParseInLocation("2006-01-02-150405", test.stamps[i], r.now().Location())
				r.must(err)
				if !s.Started.Equal(want) || !s.Complete() || !slices.Equal(s.Tags, []string{test.tag}) {
					t.Errorf("%s: started %v, complete %v, tags %q", s.Ref(), s.Started, s.Complete(), s.Tags)
				}
				r.indexed(s)
				r.wantProblems(r.verify(s, all))
			}
			r.wantAdded(r.adoptOld())

			// What it takes from a snapshot of theirs, the next run links to.
			newest := report.Added[1]
			_, err = r.engine().Restore(context.Background(), newest, engine.Restoration{To: r.source})
			r.must(err)
			s, err := r.try(engine.Source{Name: "documents"})
			r.must(err)
			r.wantFiles(s, test.second...)
			if s.New != 1 || s.NewBytes != 0 { // an empty file is never linked
				t.Errorf("%d files, %d bytes were stored anew", s.New, s.NewBytes)
			}
			r.together(true, s.Path+"/photos/2016/beach.jpg", newest.Path+"/photos/2016/beach.jpg")
			r.check(s)
		})
	}
}

// A manifest or catalog that is lost is made again.
func TestForeignAgain(t *testing.T) {
	t.Parallel()
	for _, repo := range []func(*testing.T) *repo{old012, old1} {
		r := repo(t)
		first := r.adoptOld().Added[0]
		files := r.files(first)
		r.must(os.Remove(first.Path + ".sha256.gz"))
		r.must(os.Remove(r.config.Catalog))
		report := r.adoptOld()
		r.wantProblems(report)
		for _, s := range report.Added {
			if s.Ref() == first.Ref() {
				r.wantFiles(s, files...)
			}
			r.wantProblems(r.verify(s, all))
		}
	}
}

// Their log is kept, ours goes on where it ends.
func TestForeignLog(t *testing.T) {
	t.Parallel()
	r := old012(t)
	path := filepath.Join(r.root, "documents/2026-11-22-114015.log")
	r.must(os.Chmod(path, 0o640))
	tree := strings.TrimSuffix(path, ".log")
	r.must(os.Chmod(tree, 0o755))
	before, err := os.ReadFile(path)
	r.must(err)
	s := r.adoptOld().Added[0]
	after, err := os.ReadFile(path)
	r.must(err)
	// The tree is years old: the time is that of the adoption.
	ours, goesOn := strings.CutPrefix(string(after), string(before))
	lines := strings.Split(strings.TrimSuffix(ours, "\n"), "\n")
	counts, _, _ := strings.Cut(engine.Summarize(&s.Header, &s.Summary), " in ")
	took, ok := strings.CutPrefix(lines[len(lines)-1], counts+" in ")
	if d, err := time.ParseDuration(took); !goesOn || !ok || err != nil || d > time.Hour {
		t.Errorf("the log ends in %q", ours)
	}
	if mode := lstat(t, path).mode; mode&0o777 != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the log has mode %o", mode)
	}
}
