package engine_test

import "testing"

// folding mounts a file system that takes names for one that differ in case only.
func folding(t testing.TB) string {
	t.Helper()
	return mountWith(t, "lowntfs-3g", "ntfs", 16, []string{"-F", "-Q", "-q"}, "loop,ignore_case")
}

// writeApart is write for names that differ in case alone.
func (r *repo) writeApart(pairs ...string) {
	r.Helper()
	r.write(pairs...)
}
