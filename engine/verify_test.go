package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/engine/manifest"
)

// all reads every byte.
var all = engine.Check{Sample: 1}

func (r *repo) verify(s *engine.Snapshot, c engine.Check) *engine.Report {
	r.Helper()
	report, err := r.engine().Verify(context.Background(), s, c)
	r.must(err)
	return report
}

// wantProblems holds the problems of a report, as "what: path", against want.
func (r *repo) wantProblems(report *engine.Report, want ...string) {
	r.Helper()
	var got []string
	for _, p := range report.Problems {
		got = append(got, p.What+": "+p.Path)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.Errorf("verify found %q, want %q\n%v", got, want, report.Problems)
	}
}

// rot changes a byte of a file behind everybody's back: size and times stay.
func (r *repo) rot(path string) {
	r.Helper()
	before := lstat(r, path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	r.must(err)
	defer f.Close()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, 0)
	r.must(err)
	b[0] ^= 1
	_, err = f.WriteAt(b, 0)
	r.must(err)
	r.setMtime(path, before.mtime)
}

// keepingMtime calls change and puts the time of the directory back.
func (r *repo) keepingMtime(dir string, change func()) {
	r.Helper()
	before := lstat(r, dir)
	change()
	r.setMtime(dir, before.mtime)
}

// remove removes what lies at a path, and leaves no trace in its folder.
func (r *repo) remove(path string) {
	r.Helper()
	r.keepingMtime(filepath.Dir(path), func() { r.must(os.RemoveAll(path)) })
}

func TestVerifyFinds(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, test := range []struct {
		name   string
		damage func(r *repo, in func(string) string)
		want   []string // by a verification that reads all
		fast   []string // by one that reads nothing
	}{
		{"OK", func(*repo, func(string) string) {}, nil, nil},
		{"Missing", func(r *repo, in func(string) string) { r.remove(in("dir/b")) },
			[]string{"missing: dir/b"}, []string{"missing: dir/b"}},
		{"MissingFolder", func(r *repo, in func(string) string) { r.remove(in("dir")) },
			[]string{"missing: dir", "missing: dir/b", "missing: dir/sub", "missing: dir/sub/c"},
			[]string{"missing: dir", "missing: dir/b", "missing: dir/sub", "missing: dir/sub/c"}},
		{"MissingLink", func(r *repo, in func(string) string) { r.remove(in("link")) },
			[]string{"missing: link"}, []string{"missing: link"}},
		{"Extra", func(r *repo, in func(string) string) {
			r.keepingMtime(in("dir"), func() { r.must(os.WriteFile(in("dir/new"), nil, 0o600)) })
		}, []string{"extra: dir/new"}, []string{"extra: dir/new"}},
		{"ExtraFolder", func(r *repo, in func(string) string) {
			r.keepingMtime(in("."), func() {
				r.must(os.MkdirAll(in("more/below"), 0o700))
				r.must(os.WriteFile(in("more/below/file"), nil, 0o600))
			})
		}, []string{"extra: more"}, []string{"extra: more"}},
		{"Kind", func(r *repo, in func(string) string) {
			r.remove(in("a"))
			r.keepingMtime(in("."), func() { r.must(os.Symlink("dir/b", in("a"))) })
		}, []string{"kind: a"}, []string{"kind: a"}},
		{"KindOfFolder", func(r *repo, in func(string) string) {
			r.remove(in("dir/sub"))
			r.keepingMtime(in("dir"), func() { r.must(os.WriteFile(in("dir/sub"), nil, 0o600)) })
		}, []string{"kind: dir/sub", "missing: dir/sub/c"}, []string{"kind: dir/sub", "missing: dir/sub/c"}},
		{"KindFolder", func(r *repo, in func(string) string) {
			r.remove(in("a"))
			r.keepingMtime(in("."), func() { r.must(os.Mkdir(in("a"), 0o700)) })
		}, []string{"kind: a"}, []string{"kind: a"}},
		{"Size", func(r *repo, in func(string) string) {
			before := lstat(r, in("dir/b"))
			r.must(os.Truncate(in("dir/b"), 3))
			r.setMtime(in("dir/b"), before.mtime)
		}, []string{"size: dir/b"}, []string{"size: dir/b"}},
		{"Mtime", func(r *repo, in func(string) string) { r.must(os.Chtimes(in("dir/b"), now, now)) },
			[]string{"mtime: dir/b"}, []string{"mtime: dir/b"}},
		{"MtimeOfFolder", func(r *repo, in func(string) string) { r.must(os.Chtimes(in("dir"), now, now)) },
			[]string{"mtime: dir"}, []string{"mtime: dir"}},
		{"Target", func(r *repo, in func(string) string) {
			before := lstat(r, in("link"))
			r.keepingMtime(in("."), func() {
				r.must(os.Remove(in("link")))
				r.must(os.Symlink("/etc/passwd", in("link")))
			})
			r.setMtime(in("link"), before.mtime)
		}, []string{"target: link"}, []string{"target: link"}},
		{"Content", func(r *repo, in func(string) string) { r.rot(in("dir/sub/c")) },
			[]string{"content: dir/sub/c"}, nil},
		{"ContentOfSharedInode", func(r *repo, in func(string) string) { r.rot(in("a")) },
			[]string{"content: a", "content: again"}, nil},
		{"Edited", func(r *repo, in func(string) string) {
			r.rot(in("dir/b"))
			r.must(os.Chtimes(in("dir/b"), now, now))
		}, []string{"content: dir/b", "mtime: dir/b"}, []string{"mtime: dir/b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			r.write("a", "first", "again", "first", "dir/b", "second", "dir/sub/c", "third", "empty", "")
			r.must(os.Symlink("a", r.in("link")))
			s := r.backup()
			test.damage(r, func(path string) string { return filepath.Join(s.Path, path) })
			fast := r.verify(s, engine.Check{Fast: true, Sample: 1})
			r.wantProblems(fast, test.fast...)
			if fast.Read != 0 || fast.Bytes != 0 {
				t.Errorf("a fast verification read %d files, %d bytes", fast.Read, fast.Bytes)
			}
			report := r.verify(s, all)
			r.wantProblems(report, test.want...)
			if report.OK() != (len(test.want) == 0) {
				t.Errorf("report says %v", report.OK())
			}
		})
	}
}

func TestVerifyReadsEachInodeOnce(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "first", "b", "first", "sub/c", "first", "d", "second", "empty", "", "also-empty", "")
	s := r.backup()
	report := r.verify(s, all)
	r.wantProblems(report)
	if report.Files != 6 || report.Read != 4 || report.Bytes != 11 {
		t.Errorf("looked at %d files, read %d inodes, %d bytes; want 6, 4, 11", report.Files, report.Read, report.Bytes)
	}
}

func TestVerifySample(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.config.Match = config.MatchExact
	const contents, copies = 400, 2
	for i := range contents {
		for copy := range copies {
			name := fmt.Sprintf("%d/%d", copy, i)
			r.write(name, fmt.Sprint("content ", i))
			r.must(os.Chtimes(r.in(name), time.Time{}, time.Unix(1e9+int64(copy), 0))) // keeps the inodes apart
		}
	}
	s := r.backup()
	for _, share := range []float64{0, 0.25, 1} {
		r.now = clock(time.Unix(1e9, 0)) // the sample is drawn by it
		report := r.verify(s, engine.Check{Sample: share})
		r.wantProblems(report)
		if want := share * contents * copies; report.Read%copies != 0 || float64(report.Read) < want*0.8 || float64(report.Read) > want*1.2 {
			t.Errorf("a sample of %v read %d of %d files", share, report.Read, contents*copies)
		}
	}
	// What is drawn is not the same every time: in the end all damage is found.
	for i := range contents {
		for copy := range copies {
			r.rot(filepath.Join(s.Path, fmt.Sprint(copy), fmt.Sprint(i)))
		}
	}
	drawn := func() (paths []string) {
		report := r.verify(s, engine.Check{Sample: 0.25})
		for _, p := range report.Problems {
			paths = append(paths, p.Path)
		}
		for _, path := range paths {
			twin := "0" + path[1:]
			if path[0] == '0' {
				twin = "1" + path[1:]
			}
			if !slices.Contains(paths, twin) {
				t.Errorf("%s was drawn and %s was not", path, twin)
			}
		}
		return paths
	}
	if first := drawn(); slices.Equal(first, drawn()) {
		t.Errorf("the same %d files were drawn twice", len(first))
	}
	for _, share := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := r.engine().Verify(context.Background(), s, engine.Check{Sample: share}); err == nil {
			t.Errorf("a sample of %v was accepted", share)
		}
	}
}

func TestVerifyManifest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		damage func(r *repo, path string)
	}{
		{"CutOff", func(r *repo, path string) {
			r.must(os.Truncate(path, lstat(r, path).size/2))
		}},
		{"Empty", func(r *repo, path string) { r.must(os.Truncate(path, 0)) }},
		{"Rotten", func(r *repo, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			r.must(err)
			defer f.Close()
			_, err = f.WriteAt([]byte("rotten"), lstat(r, path).size/2)
			r.must(err)
		}},
		{"Deleted", func(r *repo, path string) { r.must(os.Remove(path)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepo(t)
			for i := range 100 {
				r.write(fmt.Sprint("file-", i), strings.Repeat("x", i))
			}
			s := r.backup()
			test.damage(r, s.Path+manifest.Suffix)
			for _, heal := range []bool{false, true} {
				report := r.verify(s, engine.Check{Sample: 1, Heal: heal})
				r.wantProblems(report, "manifest: .")
				if !strings.Contains(report.Problems[0].Detail, "phlb add") {
					t.Errorf("no way out is shown: %v", report.Problems[0])
				}
			}
		})
	}
}

func TestVerifyStops(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	s := r.backup()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.engine().Verify(ctx, s, all); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// What lies where the manifest says that nothing does is too much.
func TestVerifyAbsent(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1", "dir/b", "2", "dir/c", "3")
	s := r.backup()
	s.Files, s.Bytes = 1, 1
	r.rewrite(s, func(e *manifest.Entry) {
		if e.Path != "." && e.Path != "dir/c" {
			e.Absent, e.Digest = true, manifest.Digest{}
		}
	})
	r.wantProblems(r.verify(s, all), "extra: a", "extra: dir", "extra: dir/b")
	r.wantProblems(r.verify(s, heal), "extra: a", "extra: dir", "extra: dir/b")
	r.remove(filepath.Join(s.Path, "a"))
	r.remove(filepath.Join(s.Path, "dir/b"))
	r.wantProblems(r.verify(s, all), "extra: dir")
}
