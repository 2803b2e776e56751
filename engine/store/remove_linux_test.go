//go:build amd64 || arm64

package store

import "testing"

// TestKillRemoval kills a removal before each of its calls, and checks that
// every snapshot is whole or gone, and that nothing is left by the next one.
func TestKillRemoval(t *testing.T) {
	for last := 1; ; last++ {
		r := newRoot(t)
		for _, stamp := range []string{"1", "2", "3"} {
			snapshot(t, r, stamp)
		}
		before := prints(t, r.SnapshotPath(Ref{"docs", "3"}))
		again := killed(t, "remove", r, last)
		sealed := wantSound(t, r)
		removeAll(t, r)
		wantList(t, r, files(sealed...)...)
		wantSame(t, before, prints(t, r.SnapshotPath(Ref{"docs", "3"})))
		if t.Failed() {
			t.Fatalf("killed before call %d", last)
		}
		if !again {
			t.Logf("%d calls", last-1)
			break
		}
	}
}
