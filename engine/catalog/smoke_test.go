package catalog

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"phlb/engine/manifest"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "catalog.ql")
	c, err := Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	rec, err := c.Begin(ctx, "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 120 {
		rec.Add(&manifest.Entry{Path: fmt.Sprint("f", i), Kind: manifest.File, Size: int64(i), Digest: manifest.Digest{byte(i)}, Mtime: manifest.Time{Sec: 5, Nsec: 7}})
	}
	id, err := rec.Commit(ctx, Snapshot{Stamp: "s1", Header: manifest.Header{Name: "a", Started: time.Unix(1, 0), Tags: []string{"x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(path, ""); err != nil {
		t.Fatal(err)
	}
	s, err := c.Snapshots(ctx)
	fmt.Printf("%v %+v %v\n", id, s, err)
	rec, err = c.Begin(ctx, "a", id)
	if err != nil {
		t.Fatal(err)
	}
	rec.End(&manifest.Entry{Path: "f7"})
	if id, err = rec.Commit(ctx, Snapshot{Stamp: "s2", Header: manifest.Header{Name: "a", Started: time.Unix(2, 0)}}); err != nil {
		t.Fatal(err)
	}
	ct, err := c.Contents(ctx)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ct.Lookup(manifest.Digest{7}, 5)
	fmt.Printf("%+v %v\n", l, err)
	r, err := c.Query(ctx, "SELECT path, since, until FROM versions WHERE until != 0")
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range r.All() {
		fmt.Println(row, err)
	}
	n := 0
	for range c.Files(ctx, id) {
		n++
	}
	fmt.Println(n)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
