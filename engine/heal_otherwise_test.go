package engine_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/config"
)

// A good copy may be known by a digest of another algorithm alone.
func TestHealHashedOtherwise(t *testing.T) {
	t.Parallel()
	for _, by := range [][]string{{"sha256", "sha512"}, {"sha512", "sha256"}} {
		t.Run(by[1], func(t *testing.T) {
			r := newRepo(t)
			r.config.Match = config.MatchExact // so that both files have an inode of their own
			r.config.Hash = by[0]
			r.write("a", "lengthy", "before", "content", "unread", "longer than the others")
			first := r.backup()
			r.must(os.Rename(r.in("before"), r.in("after")))
			r.must(os.Chtimes(r.in("after"), time.Time{}, time.Unix(1e9, 0)))
			r.config.Hash = by[1]
			second := r.backup()
			r.together(false, filepath.Join(first.Path, "before"), filepath.Join(second.Path, "after"))
			before := tree(r, second.Path)
			r.rot(filepath.Join(second.Path, "after"))
			r.wantProblems(r.verify(second, all), "content: after")
			r.wantProblems(r.verify(second, heal), "content: after", "healed: after")
			r.asBefore(second, before)
			for _, s := range []*engine.Snapshot{first, second} {
				r.whole(s)
			}
			r.rot(filepath.Join(first.Path, "before"))
			r.rot(filepath.Join(second.Path, "after"))
			r.wantProblems(r.verify(second, heal), "content: after", "unhealed: after")
		})
	}
}
