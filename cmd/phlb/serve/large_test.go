package serve

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
)

// makeLarge makes a root with a name of that many snapshots and of about n files, a
// tenth of them in one folder. One file in a hundred changes with every snapshot.
// There are manifests of the first and of the last, the others have that of the
// first; no content is there.
func makeLarge(t testing.TB, root string, n, snapshots int) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var entries []manifest.Entry
	file := func(p string, version int) manifest.Entry {
		e := manifest.Entry{Path: p, Kind: manifest.File, Size: int64(1000 + len(entries)%5000 + version)}
		e.Permissions = manifest.Permissions{Mode: 0o644, UID: 1000, GID: 1000}
		e.Mtime = manifest.Time{Sec: 1_700_000_000 + int64(version)*86400, Nsec: 5}
		e.Digest = manifest.Digest256(sha256.Sum256(fmt.Appendf(nil, "%s %d", p, version)))
		return e
	}
	dir := func(p string) {
		e := manifest.Entry{Path: p, Kind: manifest.Dir}
		e.Mode = 0o755
		e.Mtime.Sec = 1_700_000_000
		entries = append(entries, e)
	}
	dir(".")
	dir("big")
	for i := range n / 10 {
		entries = append(entries, file(fmt.Sprintf("big/photo-%06d.jpg", i), 0))
	}
	dir("src")
	for i := range n * 9 / 1000 {
		if i%100 == 0 {
			dir(fmt.Sprintf("src/module-%03d", i/100))
		}
		folder := fmt.Sprintf("src/module-%03d/package-%02d", i/100, i%100)
		dir(folder)
		for k := range 100 {
			entries = append(entries, file(fmt.Sprintf("%s/source-%02d.go", folder, k), 0))
		}
	}
	slices.SortFunc(entries, func(a, b manifest.Entry) int { return manifest.Compare(&a, &b) })
	must(os.MkdirAll(filepath.Join(root, ".phlb"), 0o700))
	start := time.Date(2026, 9, 1, 2, 0, 0, 0, time.UTC)
	var base catalog.ID
	catalogPath := filepath.Join(root, ".phlb", "catalog.ql")
	var first string
	for i := range snapshots {
		at := start.AddDate(0, 0, i)
		s := catalog.Snapshot{Stamp: at.Format("2006-01-02-150405")}
		s.Header = manifest.Header{Name: "large", Source: "/home/ann", Host: "laptop", Started: at}
		s.Summary = manifest.Summary{Finished: at.Add(time.Minute), Files: int64(n), Bytes: int64(n) * 3500, NewBytes: int64(n) * 35}
		tree := filepath.Join(root, "large", s.Stamp)
		must(os.MkdirAll(tree, 0o755))
		c, err := catalog.Open(catalogPath, os.TempDir())
		must(err)
		rec, err := c.Begin(context.Background(), "large", base)
		must(err)
		for k := range entries {
			e := &entries[k]
			switch {
			case i == 0:
				must(rec.Add(e))
			case e.Kind == manifest.File && k%100 == i%100:
				must(rec.End(e))
				*e = file(e.Path, i)
				must(rec.Add(e))
			}
		}
		base, err = rec.Commit(context.Background(), s)
		must(err)
		must(c.Publish())
		out := tree + manifest.Suffix
		if i > 0 && i < snapshots-1 {
			must(os.Link(first, out))
			continue
		}
		f, err := os.Create(out)
		must(err)
		w := manifest.NewWriter(f, s.Header)
		must(err)
		for k := range entries {
			must(w.Write(&entries[k]))
		}
		must(w.Close(s.Summary))
		must(f.Close())
		first = out
	}
}

var large = flag.Int("large", 50_000, "files of the root that pages are measured with")

// BenchmarkPages asks a server for pages of a root of many files and fifty snapshots:
// the first time, and as often as it likes. For a million files: -bench Pages
// -large 1000000
func BenchmarkPages(b *testing.B) {
	s := newSite(b)
	makeLarge(b, s.root, *large, 50)
	s.now = time.Date(2026, 10, 21, 9, 0, 0, 0, time.UTC)
	s.serve()
	last := "2026-10-20-020000"
	for _, p := range []struct{ name, path string }{
		{"backups", "/"}, {"name", "/names/large"}, {"top", "/browse/large/" + last + "/"}, {"folder of a tenth", "/browse/large/" + last + "/big?page=7"},
		{"folder of a tenth by size", "/browse/large/" + last + "/big?sort=size&desc=1"}, {"folder of 100", "/browse/large/" + last + "/src/module-000/package-01"},
		{"file", "/browse/large/" + last + "/src/module-000/package-01/source-07.go"}, {"search", "/search?q=SOURCE-07"}, {"search for nothing", "/search?q=nothing+like+it"},
		{"search by size", "/search?min=5999&max=6+kB"}, {"space", "/space/large/" + last + "/"}, {"runs", "/runs"}, {"state", "/state"},
	} {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				s.server.folders = folders{} // as the first time
				answer := s.get(p.path)
				b.ReportMetric(float64(len(answer)), "bytes/page")
			}
		})
	}
	b.Run("folder of a tenth again", func(b *testing.B) {
		for b.Loop() {
			s.get("/browse/large/" + last + "/big?page=7&sort=time")
		}
	})
}
