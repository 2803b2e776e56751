package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/catalog"
)

// TestCatalogNewer has a later phlb write the catalog: that must not be lost to
// an older one.
func TestCatalogNewer(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	r.backup()
	data, err := os.ReadFile(r.config.Catalog)
	r.must(err)
	newer := bytes.Replace(data, []byte("phlb catalog 2\n"), []byte("phlb catalog 7\n"), 1)
	if bytes.Equal(newer, data) {
		t.Fatal("there is no version in the catalog")
	}
	r.must(os.WriteFile(r.config.Catalog, newer, 0o600))
	_, err = r.engine().Snapshots(t.Context(), "")
	if !errors.Is(err, catalog.ErrNewer) || !strings.Contains(err.Error(), r.config.Catalog) {
		t.Errorf("snapshots: %v", err)
	}
	if _, err := r.try(engine.Source{}); !errors.Is(err, catalog.ErrNewer) {
		t.Errorf("backup: %v", err)
	}
	if after, err := os.ReadFile(r.config.Catalog); err != nil || !bytes.Equal(after, newer) {
		t.Errorf("the catalog has changed: %v", err)
	}
	r.must(os.WriteFile(r.config.Catalog, data, 0o600))
	if found := r.snapshots(); len(found) != 1 {
		t.Errorf("%d snapshots, want 1", len(found))
	}
}

// TestCatalogRotten has a byte of the catalog change where it is not read until
// somebody asks for versions.
func TestCatalogRotten(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for i := range 1500 {
		r.write(fmt.Sprintf("d%d/file number %d", i%10, i), fmt.Sprint(i))
	}
	first := r.backup()
	data, err := os.ReadFile(r.config.Catalog)
	r.must(err)
	data[len(data)/2] ^= 1
	r.must(os.WriteFile(r.config.Catalog, data, 0o600))

	for _, err = range r.engine().Versions(t.Context(), "d1/file number 1", "") {
		if err != nil {
			break
		}
	}
	if !errors.Is(err, catalog.ErrDamaged) || !strings.Contains(err.Error(), r.config.Catalog) {
		t.Errorf("versions: %v", err)
	}
	// A run whose content is new asks for it.
	r.write("new", "content")
	second, err := r.try(engine.Source{})
	if err == nil {
		r.alike(second)
	} else if !errors.Is(err, catalog.ErrDamaged) || !strings.Contains(err.Error(), "delete it, and the next command rebuilds it from the manifests") {
		t.Errorf("backup: %v", err)
	}
	r.must(os.Remove(r.config.Catalog))
	second = r.backup()
	r.alike(second)
	r.indexed(first)
	r.indexed(second)
}

// TestCatalogForeign names a file as the catalog that is none: it must not be
// lost to one. What once was a catalog, and the place where one belongs, are
// ours.
func TestCatalogForeign(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	r.backup()
	own := r.config.Catalog
	whole, err := os.ReadFile(own)
	r.must(err)
	r.must(os.WriteFile(own, []byte("garbage"), 0o600))
	r.indexed(r.backup())

	r.config.Catalog = filepath.Join(t.TempDir(), "named.ql")
	for name, content := range map[string][]byte{
		"text": []byte("precious"), "begins like one": []byte("phlb catalogue"),
		"database": []byte("\x61\xdbql and more"), "zeros": make([]byte, 4096),
	} {
		r.must(os.WriteFile(r.config.Catalog, content, 0o600))
		_, err := r.try(engine.Source{})
		want := r.config.Catalog + " is no catalog: move it away, or name another file in phlb.toml"
		if !errors.Is(err, catalog.ErrForeign) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: backup: %v", name, err)
		}
		if _, err := r.engine().Snapshots(t.Context(), ""); !errors.Is(err, catalog.ErrForeign) {
			t.Errorf("%s: snapshots: %v", name, err)
		}
		if after, err := os.ReadFile(r.config.Catalog); err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: is %q now, %v", name, after, err)
		}
	}
	for _, length := range []int{0, 5, 20, len(whole) / 2, len(whole)} {
		r.must(os.WriteFile(r.config.Catalog, whole[:length], 0o600))
		r.indexed(r.backup())
	}
}
