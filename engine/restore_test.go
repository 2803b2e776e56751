package engine_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"phlb/engine"
)

// restore restores to a path beside the source, "to" by default.
func (r *repo) restore(s *engine.Snapshot, o engine.Restoration) *engine.Restored {
	r.Helper()
	done, err := r.tryRestore(s, o)
	r.must(err)
	return done
}

func (r *repo) tryRestore(s *engine.Snapshot, o engine.Restoration) (*engine.Restored, error) {
	if o.To == "" {
		o.To = "to"
	}
	if !filepath.IsAbs(o.To) {
		o.To = r.to(o.To)
	}
	return r.engine().Restore(context.Background(), s, o)
}

// to returns a path beside the source.
func (r *repo) to(path string) string { return filepath.Join(filepath.Dir(r.source), path) }

// place makes files as write does, in a directory beside the source.
func (r *repo) place(dir string, pairs ...string) {
	r.Helper()
	source := r.source
	defer func() { r.source = source }()
	r.source = r.to(dir)
	r.write(pairs...)
}

// groups returns the paths of a tree that are one inode, where there are
// several.
func groups(nodes map[string]node) [][]string {
	byID := map[id][]string{}
	for _, path := range slices.Sorted(maps.Keys(nodes)) {
		byID[nodes[path].id] = append(byID[nodes[path].id], path)
	}
	var found [][]string
	for _, paths := range byID {
		if len(paths) > 1 {
			found = append(found, paths)
		}
	}
	slices.SortFunc(found, slices.Compare)
	return found
}

// equal checks that two trees agree in all, also in what is one inode.
func (r *repo) equal(got, want string) {
	r.Helper()
	g, w := tree(r, got), tree(r, want)
	if a, b := groups(g), groups(w); fmt.Sprint(a) != fmt.Sprint(b) {
		r.Errorf("one inode are %q, want %q", a, b)
	}
	like := func(nodes map[string]node) map[string]node {
		for path, n := range nodes {
			nodes[path] = n.like()
		}
		return nodes
	}
	same(r, got, like(g), like(w))
}

// done checks the numbers of a restore, given as text to be seen in a failure.
func (r *repo) done(got *engine.Restored, want string) {
	r.Helper()
	text := fmt.Sprintf("%d files %d bytes %d linked %d others %d folders %d unchanged %d skipped %d deleted %d errors",
		got.Files, got.Bytes, got.Linked, got.Others, got.Folders, got.Unchanged, got.Skipped, got.Deleted, got.Errors)
	var parts []string
	for part := range strings.SplitSeq(text, " ") {
		parts = append(parts, part)
	}
	text = ""
	for i := 0; i < len(parts); i += 2 {
		if parts[i] != "0" {
			text += parts[i] + " " + parts[i+1] + " "
		}
	}
	if text = strings.TrimSpace(text); text != want {
		r.Errorf("restored %s; want %s; problems %v", text, want, got.Problems)
	}
}
