package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
)

// Somebody who may write to the root puts links on the way to the catalog: none is
// followed, and what they lead to stays as it is.
func TestCatalogLinks(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(r *repo, out string) string{
		"folder": func(r *repo, out string) string {
			at := filepath.Join(r.root, ".phlb")
			r.must(os.Rename(at, at+"-before"))
			r.must(os.Symlink(out, at))
			return at + " is a symlink: move it away"
		},
		"file": func(r *repo, out string) string {
			r.must(os.Remove(r.config.Catalog))
			r.must(os.Symlink(filepath.Join(out, "catalog.ql"), r.config.Catalog))
			return r.config.Catalog + " is a symlink: move it away"
		},
		"file of none": func(r *repo, out string) string {
			r.must(os.Remove(r.config.Catalog))
			r.must(os.Symlink(filepath.Join(out, "none"), r.config.Catalog))
			return r.config.Catalog + " is a symlink: move it away"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			r.write("a", "content")
			s := r.backup()
			out := t.TempDir()
			r.must(os.WriteFile(filepath.Join(out, "catalog.ql"), []byte("precious"), 0o600))
			want := plant(r, out)
			before := treeOf(t, out)
			ctx := t.Context()
			for verb, err := range map[string]error{
				"snapshots": second(r.engine().Snapshots(ctx, "")),
				"backup":    second(r.try(engine.Source{})),
				"verify":    second(r.engine().Verify(ctx, s, all)),
				"add":       second(r.engine().Adopt(ctx, "")),
				"doctor":    second(r.engine().Doctor(ctx)),
			} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v, want %q", verb, err, want)
				}
			}
			if after := treeOf(t, out); after != before {
				t.Errorf("outside of the root there is\n%s\nwas\n%s", after, before)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }
