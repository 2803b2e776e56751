package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"phlb/engine/testenv"
)

// TestTakeOverRemounted has the disk of the root pulled after a run was cut off, and
// put back: what was not synced may be lost.
func TestTakeOverRemounted(t *testing.T) {
	t.Parallel()
	at := mount(t, "ext4", 64)
	r := repoOn(t, at)
	r.manyFolders(400, 0)
	r.interrupt("d0350/file")
	lost := filepath.Join(r.partials()[0], "tree", "d0010", "file")
	info, err := os.Stat(lost)
	r.must(err)
	r.must(os.WriteFile(lost, make([]byte, info.Size()), 0o644))
	r.must(os.Chtimes(lost, time.Time{}, info.ModTime()))
	testenv.Unmount(t, at)
	if out, err := exec.Command("mount", "-o", "loop", filepath.Join(filepath.Dir(at), "image"), at).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	s := r.backup()
	r.alike(s)
	if s.Linked < 100 {
		t.Errorf("%d linked, %d new: the run that was cut off is not taken over", s.Linked, s.New)
	}
}
