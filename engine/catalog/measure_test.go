package catalog

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"phlb/engine/manifest"
)

func usrlib() []manifest.Entry {
	var out []manifest.Entry
	for len(out) < 1 {
		filepath.WalkDir("/usr", func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			i, err := d.Info()
			if err != nil {
				return nil
			}
			k, ok := manifest.KindOf(i.Mode())
			if !ok {
				return nil
			}
			e := manifest.Entry{Path: p[1:], Kind: k, Size: i.Size(), Mtime: manifest.TimeOf(i.ModTime())}
			e.Mode = uint32(i.Mode().Perm())
			if k == manifest.File {
				e.Digest = sha256.Sum256([]byte(p))
			}
			if k == manifest.Symlink {
				e.Target, _ = os.Readlink(p)
			}
			out = append(out, e)
			return nil
		})
	}
	return out[:min(len(out), 110000)]
}

func seq(es []manifest.Entry) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		for i := range es {
			if !yield(&es[i], nil) {
				return
			}
		}
	}
}

func TestMeasure(t *testing.T) {
	dir := os.Getenv("MEASURE")
	if dir == "" {
		t.Skip()
	}
	ctx := context.Background()
	dir, _ = os.MkdirTemp(dir, "m")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "c.ql")
	es := usrlib()
	sum := 0
	for i := range es {
		sum += len(es[i].Path)
	}
	n := len(es)
	fmt.Println("entries", n, "mean path", sum/n)
	snap := func(i int) Snapshot {
		return Snapshot{Stamp: fmt.Sprint("s", i), Header: manifest.Header{Name: "a", Started: time.Unix(int64(i), 0)}}
	}
	t0 := time.Now()
	lap := func(what string, per int) {
		d := time.Since(t0)
		if per == 0 {
			per = 1
		}
		fmt.Printf("%-40s %12v  %v/row\n", what, d, d/time.Duration(per))
		t0 = time.Now()
	}
	c, err := Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	lap("open empty", 1)
	rec, err := c.Begin(ctx, "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	t0 = time.Now()
	for i := range es {
		rec.Add(&es[i])
	}
	lap("add (caller)", n)
	id, err := rec.Commit(ctx, snap(1))
	if err != nil {
		t.Fatal(err)
	}
	lap("commit", n)
	if err := c.Publish(); err != nil {
		t.Fatal(err)
	}
	lap("publish", 1)
	fi, _ := os.Stat(path)
	fmt.Println("bytes/row", fi.Size()/int64(n))
	for i := 2; i < 4; i++ {
		t0 = time.Now()
		c, err = Open(path, "")
		lap("open", 1)
		rec, err = c.Begin(ctx, "a", id)
		id, err = rec.Commit(ctx, snap(i))
		lap("begin+commit unchanged", 1)
		c.Publish()
		lap("publish", 1)
	}
	f2, _ := os.Stat(path)
	fmt.Println("growth", f2.Size()-fi.Size())
	c, err = Open(path, "")
	var m0, m1 runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m0)
	t0 = time.Now()
	ct, err := c.Contents(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lap("contents", n)
	runtime.GC()
	runtime.ReadMemStats(&m1)
	fmt.Println("contents", ct.Len(), "heap/row", float64(m1.HeapAlloc-m0.HeapAlloc)/float64(n))
	t0 = time.Now()
	for i := range es {
		if es[i].Kind == manifest.File && es[i].Size > 0 {
			if l, err := ct.Lookup(es[i].Digest, 1); len(l) != 1 || err != nil {
				t.Fatal(err, es[i])
			}
		}
	}
	lap("lookup", ct.Len())
	rec, err = c.Begin(ctx, "a", id)
	for i := range n / 100 {
		e := es[i*100]
		rec.End(&e)
		e.Mtime.Sec++
		rec.Add(&e)
	}
	t0 = time.Now()
	id, err = rec.Commit(ctx, snap(10))
	if err != nil {
		t.Fatal(err)
	}
	lap("commit 1%", n)
	cnt := 0
	for range c.Files(ctx, id) {
		cnt++
	}
	lap("files", n)
	if cnt != n {
		t.Fatal(cnt, n)
	}
	c.Publish()
	f3, _ := os.Stat(path)
	fmt.Println("growth", f3.Size()-f2.Size())
	c, _ = Open(path, "")
	for i := range n / 100 {
		es[i*100].Mtime.Sec++
	}
	for k := range 4 {
		for i := range n / 100 {
			es[i*100+k].Mtime.Sec++
		}
		runtime.GC()
		runtime.ReadMemStats(&m0)
		t0 = time.Now()
		if _, err = c.Absorb(ctx, snap(20+k), seq(es)); err != nil {
			t.Fatal(err)
		}
		lap("absorb", n)
		runtime.GC()
		runtime.ReadMemStats(&m1)
		fmt.Println("heap/row", float64(m1.HeapAlloc-m0.HeapAlloc)/float64(n))
	}
	t0 = time.Now()
	if err := c.Remove(ctx, id); err != nil {
		t.Fatal(err)
	}
	lap("remove one", n)
	c.Close()
	lap("close", 1)
	c, err = Create(path, "")
	t0 = time.Now()
	for k := range 10 {
		for i := range n / 100 {
			es[i*100+k].Mtime.Sec++
		}
		if _, err = c.Absorb(ctx, snap(20+k), seq(es)); err != nil {
			t.Fatal(err)
		}
	}
	lap("rebuild of 10", n*10)
	c.Close()
}
