package catalog

import (
	"errors"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine/catalog/qlfile"
)

func TestOpen(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		c := newCatalog(t)
		all, err := c.Snapshots(t.Context())
		if err != nil || len(all) != 0 {
			t.Fatal(all, err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		names, err := os.ReadDir(filepath.Dir(c.path))
		if err != nil || len(names) != 0 {
			t.Fatal("left behind:", names, err)
		}
		_, err = c.Snapshots(t.Context())
		checkError(t, err, ErrClosed)
		_, err = c.Query(t.Context(), "SELECT 1 FROM snapshots")
		checkError(t, err, ErrClosed)
		checkError(t, c.Publish(), ErrClosed)
	})
	t.Run("Private", func(t *testing.T) {
		// What is not published, nobody sees.
		c := newCatalog(t)
		mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
		other := mustOpen(t, c.path)
		if all, err := other.Snapshots(t.Context()); err != nil || len(all) != 0 {
			t.Fatal(all, err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(c.path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	})
	t.Run("Elsewhere", func(t *testing.T) {
		// A root that cannot be written to.
		c := newCatalog(t)
		id := mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
		if err := c.Publish(); err != nil {
			t.Fatal(err)
		}
		parent := filepath.Dir(c.path)
		if err := os.Chmod(parent, 0o500); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(parent, 0o700)
		if os.Mkdir(filepath.Join(parent, "x"), 0o700) == nil {
			t.Skip("permissions do not hold for this user")
		}
		temp := t.TempDir()
		there, err := Open(c.path, temp)
		if err != nil {
			t.Fatal(err)
		}
		checkTree(t, there, id, files(10, 1))
		checkError(t, there.Publish(), fs.ErrPermission)
		if names, _ := os.ReadDir(temp); len(names) != 0 {
			t.Fatal("left behind:", names)
		}
	})
	t.Run("NoFolder", func(t *testing.T) {
		path, temp := filepath.Join(t.TempDir(), "none", "catalog.ql"), t.TempDir()
		c, err := Open(path, temp)
		if err != nil {
			t.Fatal(err)
		}
		checkTree(t, c, mustAbsorb(t, c, snapshot("a", 1), files(10, 1)), files(10, 1))
		checkError(t, c.Away(), fs.ErrNotExist)
		checkError(t, c.Publish(), fs.ErrNotExist)
		if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a folder was made for a catalog that is only read:", err)
		}
	})
	t.Run("Create", func(t *testing.T) {
		c := newCatalog(t)
		if err := os.WriteFile(c.path, []byte("garbage"), 0o640); err != nil {
			t.Fatal(err)
		}
		n, err := Create(c.path, "")
		if err != nil {
			t.Fatal(err)
		}
		id := mustAbsorb(t, n, snapshot("a", 1), files(10, 1))
		n = reopen(t, n)
		checkTree(t, n, id, files(10, 1))
		if info, err := os.Stat(c.path); err != nil || info.Mode().Perm() != 0o640 {
			t.Fatal(info.Mode(), err)
		}
	})
	t.Run("ErrNewer", func(t *testing.T) {
		c := newCatalog(t)
		if err := c.update(func(tx *qlfile.Tx) error {
			return tx.Exec(qlfile.Compile("UPDATE schema SET version = $1;"), int64(99))
		}); err != nil {
			t.Fatal(err)
		}
		if err := c.Publish(); err != nil {
			t.Fatal(err)
		}
		_, err := Open(c.path, "")
		checkError(t, err, ErrNewer)
	})
	t.Run("ErrNoFile", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "catalog.ql")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{path, os.DevNull} {
			if _, err := Open(path, ""); err == nil || !strings.Contains(err.Error(), "is no regular file: move it away") {
				t.Errorf("%s: error is %v", path, err)
			}
		}
	})
	t.Run("ErrPermission", func(t *testing.T) {
		c := newCatalog(t)
		if err := c.Publish(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.path, 0); err != nil {
			t.Fatal(err)
		}
		if f, err := os.Open(c.path); err == nil {
			f.Close()
			t.Skip("permissions do not hold for this user")
		}
		_, err := Open(c.path, t.TempDir())
		checkError(t, err, fs.ErrPermission)
	})
}

func TestErrDamaged(t *testing.T) {
	c := newCatalog(t)
	mustAbsorb(t, c, snapshot("a", 1), files(500, 1))
	if err := c.Publish(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	random := make([]byte, len(whole))
	rand.New(rand.NewSource(1)).Read(random)
	zeros := make([]byte, len(whole))
	header := append(append([]byte{}, whole[:16]...), random[16:]...)
	for name, data := range map[string][]byte{
		"Empty": {}, "Short": whole[:7], "Cut": whole[:len(whole)/2], "CutABit": whole[:len(whole)-1],
		"CutPage": whole[:4096], "Random": random, "Header": header, "Zeros": zeros,
		"Text": []byte(strings.Repeat("not a catalog\n", 100)),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "catalog.ql")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, "")
			checkError(t, err, ErrDamaged)
			if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
				t.Fatal("left behind:", names)
			}
		})
	}
	t.Run("Flipped", func(t *testing.T) {
		// Nothing tells where a bit has flipped. But whatever comes of it is
		// an answer or an error, and neither a panic nor a loop.
		path := filepath.Join(t.TempDir(), "catalog.ql")
		rnd := rand.New(rand.NewSource(2))
		for range 60 {
			data := append([]byte{}, whole...)
			for range 5 {
				data[rnd.Intn(len(data))] ^= 1 << rnd.Intn(8)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Open(path, "")
			if err != nil {
				continue
			}
			contents, err := c.Contents(t.Context())
			if err == nil {
				contents.Close()
			} else if !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			if _, err := c.Versions(t.Context(), "x", ""); err != nil && !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			if err := c.Close(); err != nil && !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
		}
	})
}

// TestSweep leaves folders as a kill may leave them.
func TestSweep(t *testing.T) {
	c := newCatalog(t)
	parent := filepath.Dir(c.path)
	for _, name := range []string{"catalog.ql.tmp-1", "catalog.ql.tmp-2"} {
		if err := os.Mkdir(filepath.Join(parent, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, "catalog.ql.tmp-2", "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, c.path)
	names, err := os.ReadDir(parent)
	if err != nil || len(names) != 2 {
		t.Fatal("not the folders of the two that are open:", names, err)
	}
	mustAbsorb(t, c, snapshot("a", 1), files(10, 1))
}
