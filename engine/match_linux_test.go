package engine_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pkg/xattr"

	"phlb/engine/config"
	"phlb/engine/testenv"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	testenv.Root(t) // for the owner
	for _, test := range []struct {
		match config.Match
		with  []string // what shares the inode of "first"
	}{
		{config.MatchPermissions, []string{"same", "time"}},
		{config.MatchContent, []string{"same", "time", "mode", "owner", "xattr"}},
		{config.MatchExact, []string{"same"}},
	} {
		t.Run(string(test.match), func(t *testing.T) {
			r := newRepo(t)
			r.config.Match = test.match
			when := time.Unix(1e9, 123456789)
			names := []string{"same", "time", "mode", "owner", "xattr"}
			make := func(name string) {
				r.write(name, "content")
				r.must(os.Chtimes(r.in(name), when, when))
			}
			make("first")
			first := r.backup()
			for _, name := range names {
				make(name)
			}
			r.must(os.Chtimes(r.in("time"), when, when.Add(1)))
			r.must(os.Chmod(r.in("mode"), 0o600))
			r.must(os.Chown(r.in("owner"), 77, 0))
			r.must(xattr.Set(r.in("xattr"), "user.x", []byte("y")))
			second := r.backup()
			r.alike(second)
			r.check(first)
			shares := map[string]bool{}
			for _, name := range test.with {
				shares[name] = true
			}
			for _, name := range names {
				r.together(shares[name], filepath.Join(first.Path, "first"), filepath.Join(second.Path, name))
			}
			// Once more, now that all are unchanged.
			third := r.backup()
			r.counts(third, 6, 0, 0)
			r.alike(third)
		})
	}
}
