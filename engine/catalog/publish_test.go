package catalog

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"testing"
	"time"

	"phlb/engine/catalog/qlfile"
)

func TestPublish(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		c := newCatalog(t)
		id := mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
		c = reopen(t, c)
		checkTree(t, c, id, files(10, 1))
		if info, err := os.Stat(c.path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Fatal(info.Mode(), err) // there, who may read a file is in its access list
		}
	})
	t.Run("Mode", func(t *testing.T) {
		// In this order: on Windows, where none holds, a file has 0o666 by itself.
		for _, mode := range []struct{ before, want fs.FileMode }{{0o644, 0o600}, {0o666, 0o600}, {0o640, 0o640}, {0o600, 0o600}} {
			before, want := mode.before, mode.want
			c := newCatalog(t)
			if err := c.Publish(); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(c.path, before); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(c.path); err != nil || info.Mode().Perm() != before {
				t.Skip("modes do not hold here")
			}
			if err := mustOpen(t, c.path).Publish(); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(c.path); err != nil || info.Mode().Perm() != want {
				t.Errorf("a catalog of mode %v has %v, want %v (%v)", before, info.Mode(), want, err)
			}
		}
	})
	t.Run("Read", func(t *testing.T) {
		// Whoever reads the old one goes on with it, and so does who opens it between two.
		c := newCatalog(t)
		id := mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
		c = reopen(t, c)
		before := mustOpen(t, c.path)
		reader, err := qlfile.OpenReader(c.path)
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		mustAbsorb(t, c, snapshot("b", 2), files(10, 2))
		c = reopen(t, c)
		between := mustOpen(t, c.path)
		mustAbsorb(t, c, snapshot("c", 3), files(10, 3))
		c = reopen(t, c)
		for i, c := range []*Catalog{before, between, c} {
			checkTree(t, c, id, files(10, 1))
			if all, err := c.Snapshots(t.Context()); err != nil || len(all) != i+1 {
				t.Errorf("catalog %d has %v, %v", i, all, err)
			}
		}
		if tables, err := reader.Tables(); err != nil || len(tables) == 0 {
			t.Error(tables, err)
		}
	})
	t.Run("ErrStale", func(t *testing.T) {
		c := newCatalog(t)
		if err := c.Publish(); err != nil {
			t.Fatal(err)
		}
		mine, other := mustOpen(t, c.path), mustOpen(t, c.path)
		mustAbsorb(t, other, snapshot("b", 1), files(10, 1))
		if err := other.Publish(); err != nil {
			t.Fatal(err)
		}
		mustAbsorb(t, mine, snapshot("a", 1), files(10, 1))
		checkError(t, mine.Publish(), ErrStale)
		now := mustOpen(t, c.path)
		if all, err := now.Snapshots(t.Context()); err != nil || len(all) != 1 || all[0].Name != "b" {
			t.Fatal(all, err)
		}
	})
	t.Run("ErrStaleNew", func(t *testing.T) {
		first := newCatalog(t)
		second := mustOpen(t, first.path)
		if err := first.Publish(); err != nil {
			t.Fatal(err)
		}
		checkError(t, second.Publish(), ErrStale)
	})
	t.Run("ErrStaleTouched", func(t *testing.T) {
		// The inode number of the old file may be that of the new one.
		c := newCatalog(t)
		c = reopen(t, c)
		if err := os.Chtimes(c.path, time.Time{}, time.Unix(5, 0)); err != nil {
			t.Fatal(err)
		}
		checkError(t, c.Publish(), ErrStale)
	})
	t.Run("ErrStaleGone", func(t *testing.T) {
		c := newCatalog(t)
		c = reopen(t, c)
		if err := os.Remove(c.path); err != nil {
			t.Fatal(err)
		}
		checkError(t, c.Publish(), ErrStale)
		if _, err := os.Stat(c.path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	})
	t.Run("ErrWrite", func(t *testing.T) {
		// A disk that fails is no damage, though QL keeps only the text of it.
		c := newCatalog(t)
		writeNothing(t, c)
		var path *fs.PathError
		if err := c.RecordDamage(Damage{Path: "x"}); !errors.As(err, &path) || errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if err := c.Publish(); !errors.As(err, &path) {
			t.Fatal(err)
		}
		if _, err := os.Stat(c.path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	})
	t.Run("ErrBusy", func(t *testing.T) {
		c := newCatalog(t)
		rec, err := c.Begin(t.Context(), "a", 0)
		if err != nil {
			t.Fatal(err)
		}
		checkError(t, c.Publish(), ErrBusy)
		rec.Abort()
	})
}
