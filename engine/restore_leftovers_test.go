package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"phlb/engine"
)

// What a restore that was killed has left is swept by the next one into the same
// target, in all folders that it comes to; what only looks like it stays.
func TestRestoreSweeps(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content", "d/e/b", "other")
	s := r.backup()
	to := filepath.Join(filepath.Dir(r.root), "to")
	restore := func(path, to string) {
		t.Helper()
		done, err := r.engine().Restore(context.Background(), s, engine.Restoration{To: to, Path: path})
		r.must(err)
		if len(done.Problems) > 0 {
			t.Errorf("problems: %v", done.Problems)
		}
	}
	restore("", to)
	const temp, own = ".phlb-0123456789abcdef~", ".phlb-mine~"
	left := []string{temp, filepath.Join("d/e", temp)}
	for _, name := range append(left, own) {
		r.must(os.WriteFile(filepath.Join(to, name), []byte("half"), 0o600))
	}
	folder := filepath.Join("d", temp)
	r.must(os.Mkdir(filepath.Join(to, folder), 0o700))
	r.must(os.Symlink("nowhere", filepath.Join(to, folder, "new")))
	restore("", to)
	for _, name := range append(left, folder) {
		if _, err := os.Lstat(filepath.Join(to, name)); err == nil {
			t.Errorf("%s was left", name)
		}
	}
	if _, err := os.Lstat(filepath.Join(to, own)); err != nil {
		t.Errorf("what is of somebody else: %v", err)
	}

	beside := filepath.Join(to, temp)
	r.must(os.WriteFile(beside, nil, 0o600))
	restore("d/e/b", filepath.Join(to, "file"))
	if _, err := os.Lstat(beside); err == nil {
		t.Error("what a restore of a file has left stays")
	}
}
