package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"phlb/engine"
	"phlb/engine/repository"
)

// TestDoctor finds what the engine can tell cheaply, and changes nothing.
func TestDoctor(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(r *repo, s *engine.Snapshot)
		want  []string
		root  bool
	}{
		"Well":    {func(*repo, *engine.Snapshot) {}, nil, false},
		"Open":    {func(r *repo, _ *engine.Snapshot) { r.must(os.Chmod(r.root, 0o711)) }, []string{repository.OpenRoot}, false},
		"Above":   {func(r *repo, _ *engine.Snapshot) { r.must(os.Chmod(filepath.Dir(r.root), 0o777)) }, []string{repository.Replaceable}, false},
		"Owner":   {func(r *repo, _ *engine.Snapshot) { r.must(os.Chown(r.root, 1000, 1000)) }, []string{repository.OtherOwner}, true},
		"OwnerUp": {func(r *repo, _ *engine.Snapshot) { r.must(os.Chown(filepath.Dir(r.root), 1000, 1000)) }, []string{repository.Replaceable}, true},
		"Catalog": {func(r *repo, _ *engine.Snapshot) { r.must(os.Truncate(r.config.Catalog, 100)) }, []string{repository.BadCatalog}, false},
		"Manifest": {func(r *repo, s *engine.Snapshot) {
			r.must(os.Truncate(s.Path+".sha256.gz", 10))
			r.must(os.Remove(r.config.Catalog))
		}, []string{repository.BadManifest}, false},
		"Rot":      {func(r *repo, s *engine.Snapshot) { r.damaged(s, "a") }, []string{repository.Rotten}, false},
		"Leftover": {func(r *repo, s *engine.Snapshot) { r.must(os.MkdirAll(s.Path+"9.partial/tree", 0o700)) }, []string{repository.Leftover}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.root && os.Geteuid() != 0 {
				t.Skip("needs root to give the root away")
			}
			r := newRepo(t)
			r.write("a", "1")
			test.spoil(r, r.backup())
			before := treeOf(t, r.root)
			found, err := r.engine().Doctor(t.Context())
			r.must(err)
			var got []string
			for _, f := range found {
				got = append(got, f.What)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("found %+v, want %v", found, test.want)
			}
			if after := treeOf(t, r.root); after != before {
				t.Errorf("the root has changed:\n%s\nwas\n%s", after, before)
			}
		})
	}
}
