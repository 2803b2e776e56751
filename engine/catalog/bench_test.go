package catalog

import (
	"context"
	"os"
	"testing"
)

const benchFiles = 20_000

// perFile reports what b measures by file.
func perFile(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchFiles, "ns/file")
}

// published returns the path of a catalog with one snapshot.
func published(b *testing.B) (string, ID) {
	c := newCatalog(b)
	id, err := c.Absorb(context.Background(), next("a", 1), files(benchFiles, 1).entries(nil))
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Publish(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(c.path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/benchFiles, "bytes/file")
	return c.path, id
}

func BenchmarkFirstRun(b *testing.B) {
	what := files(benchFiles, 1)
	for b.Loop() {
		c := newCatalog(b)
		if _, err := record(context.Background(), c, 0, snapshot("a", 1), nil, what); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	perFile(b)
}

func BenchmarkUnchangedRun(b *testing.B) {
	path, id := published(b)
	for n := 2; b.Loop(); n++ {
		c := mustOpen(b, path)
		var err error
		if id, err = record(context.Background(), c, id, snapshot("a", n), nil, nil); err != nil {
			b.Fatal(err)
		}
		if err := c.Publish(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChangedRun(b *testing.B) {
	path, id := published(b)
	before, after := files(benchFiles, 1), files(benchFiles, 2)
	for b.Loop() {
		c := mustOpen(b, path)
		if _, err := record(context.Background(), c, id, snapshot("a", 2), before, after); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	perFile(b)
}

func BenchmarkAbsorb(b *testing.B) {
	path, _ := published(b)
	c := mustOpen(b, path)
	what := files(benchFiles, 1)
	for n := 2; b.Loop(); n++ {
		if _, err := c.Absorb(context.Background(), next("a", n), what.entries(nil)); err != nil {
			b.Fatal(err)
		}
	}
	perFile(b)
}

func BenchmarkContents(b *testing.B) {
	path, _ := published(b)
	c := mustOpen(b, path)
	for b.Loop() {
		contents, err := c.Contents(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		contents.Close()
	}
	perFile(b)
}

func BenchmarkLookup(b *testing.B) {
	path, _ := published(b)
	contents, err := mustOpen(b, path).Contents(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer contents.Close()
	digest := files(benchFiles, 1)["folder 5/file 00012"].Digest
	for b.Loop() {
		if found, err := contents.Lookup(digest, 1); err != nil || len(found) != 1 {
			b.Fatal(found, err)
		}
	}
}

func BenchmarkRemove(b *testing.B) {
	path, id := published(b)
	for b.Loop() {
		c := mustOpen(b, path)
		if err := c.Remove(context.Background(), id); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	perFile(b)
}
