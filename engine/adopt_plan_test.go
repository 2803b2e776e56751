package engine_test

import (
	"context"
	"os"
	"testing"
)

// A dry run of an adoption tells what would be taken, and takes nothing.
func TestDryRunOfAdopt(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "one")
	s := r.backup()
	known := r.put("old/2020-01-02-030405")
	r.must(os.WriteFile(known+"/a", []byte("one"), 0o644))
	r.must(os.WriteFile(known+"/b", []byte("another"), 0o644))
	r.must(os.WriteFile(known+"/c", []byte("another"), 0o644)) // twice in one tree
	r.must(os.Link(known+"/a", known+"/d"))                    // an inode that both names of become links
	later := r.put("old/2020-01-03-030405")                    // and what the tree before has
	r.must(os.WriteFile(later+"/e", []byte("another"), 0o644))
	r.must(os.Remove(r.config.Catalog))
	before := r.names()
	report, err := r.dry().Adopt(context.Background(), "")
	r.must(err)
	if after := r.names(); after != before {
		t.Errorf("the dry run has changed the root from\n%s\nto\n%s", before, after)
	}
	if _, err := os.Stat(r.config.Catalog); !os.IsNotExist(err) {
		t.Errorf("the dry run has made a catalog: %v", err)
	}
	r.wantAdded(report, s.Ref().String(), "old/2020-01-02-030405", "old/2020-01-03-030405")
	made := r.adopt("")
	if report.Files != made.Files || report.Linked != made.Linked || report.Saved != made.Saved || report.Read != made.Read || made.Linked != 5 {
		t.Errorf("planned %d files, %d read, %d links, %d bytes saved; it was %d, %d, %d, %d",
			report.Files, report.Read, report.Linked, report.Saved, made.Files, made.Read, made.Linked, made.Saved)
	}
	r.wantAdded(made, s.Ref().String(), "old/2020-01-02-030405", "old/2020-01-03-030405")
	for i, planned := range report.Added {
		if is := made.Added[i]; planned.Files != is.Files || planned.Bytes != is.Bytes || !planned.Started.Equal(is.Started) {
			t.Errorf("planned %s with %d files, %d bytes of %v; it has %d, %d, %v",
				planned.Ref(), planned.Files, planned.Bytes, planned.Started, is.Files, is.Bytes, is.Started)
		}
	}
}
