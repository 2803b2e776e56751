package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A folder that has no room for more links, nor need for any.
func TestHealAtLinkLimit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes 65,000 links")
	}
	at := mount(t, "ext4", 64)
	r := newRepo(t)
	r.root = filepath.Join(at, "root")
	r.config = settings(r.root)
	r.write("a", "content")
	first := r.rotten("a")
	second := r.backup()
	good := filepath.Join(second.Path, "a")
	for i := 0; ; i++ {
		if err := os.Link(good, filepath.Join(at, fmt.Sprint("link-", i))); err != nil {
			break
		}
	}
	r.wantProblems(r.verify(first, heal), "content: a", "healed: a")
	r.whole(first)
	r.together(false, good, filepath.Join(first.Path, "a"))
}
