package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// publishedBytes returns the path and the bytes of a catalog with a snapshot.
func publishedBytes(t *testing.T) (string, []byte) {
	t.Helper()
	c := newCatalog(t)
	mustAbsorb(t, c, snapshot("a", 1), files(2000, 1))
	if err := c.Publish(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	return c.path, data
}

func TestPacked(t *testing.T) {
	t.Run("ReadOnly", func(t *testing.T) {
		// Who reads copies nothing, and changes nothing.
		path, before := publishedBytes(t)
		c := mustOpen(t, path)
		checkTree(t, c, 1, files(2000, 1))
		if info, err := os.Stat(filepath.Join(c.file.TempDir(), "catalog.ql")); err != nil || info.Size() != 0 {
			t.Errorf("%d bytes were written: %v", info.Size(), err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Error("the published file is another one", err)
		}
	})
	t.Run("Replaced", func(t *testing.T) {
		// What was opened stays as it was, whatever takes its place.
		path, _ := publishedBytes(t)
		c := mustOpen(t, path)
		other := mustOpen(t, path)
		if err := other.Remove(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if err := other.Publish(); err != nil {
			t.Fatal(err)
		}
		checkTree(t, c, 1, files(2000, 1))
	})
	t.Run("CutOffWhileOpen", func(t *testing.T) {
		// Nobody should, but cp over the file does.
		path, data := publishedBytes(t)
		for _, left := range []int{0, 100, len(data) / 3, len(data) / 2, len(data) - 25} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, ask := range []func(c *Catalog) error{
				func(c *Catalog) error {
					got, err := holds(c, 1)
					if err == nil {
						err = sameTree(got, files(2000, 1))
					}
					return err
				},
				func(c *Catalog) error {
					got, err := ask(t, c, "SELECT count() FROM versions")
					if err == nil && got[0] != "2000" {
						err = fmt.Errorf("%q versions", got)
					}
					return err
				},
				func(c *Catalog) error {
					got, err := ask(t, c, "SELECT path FROM versions")
					if err == nil && len(got) != 2000 {
						err = fmt.Errorf("%d paths", len(got))
					}
					return err
				},
				(*Catalog).Publish,
			} {
				c := mustOpen(t, path)
				if err := os.Truncate(path, int64(left)); err != nil {
					t.Fatal(err)
				}
				if err := ask(c); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrStale) && (err != nil || left < len(data)/2) {
					t.Errorf("with %d of %d bytes left: %v", left, len(data), err)
				}
				c.Close()
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	t.Run("Shrunk", func(t *testing.T) {
		c := newCatalog(t)
		mustAbsorb(t, c, snapshot("a", 1), files(5000, 1))
		mustAbsorb(t, c, snapshot("b", 1), files(10, 1))
		c = reopen(t, c)
		if err := c.Remove(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		checkTree(t, reopen(t, c), 2, files(10, 1))
	})
	t.Run("ErrNewer", func(t *testing.T) {
		path, data := publishedBytes(t)
		data[len("phlb catalog ")] = '9'
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, "")
		checkError(t, err, ErrNewer)
	})
	t.Run("ErrDamaged", func(t *testing.T) {
		// Wherever a byte is another one, it is noticed before it is believed.
		path, data := publishedBytes(t)
		for at := 0; at < len(data); at += 1 + len(data)/97 {
			broken := bytes.Clone(data)
			broken[at] ^= 0x10
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Open(path, "")
			if err == nil {
				for _, err = range c.Files(t.Context(), 1) {
					if err != nil {
						break
					}
				}
				c.Close()
			}
			if at >= len("phlb catalog ") || err == nil { // a newer one, or none
				checkError(t, err, ErrDamaged)
			}
		}
	})
}
