package backup

import (
	"context"
	"sync"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// known tells where the root holds a content: what the catalog knew when the
// run began, and what the run has stored since. Its methods may be called from
// several goroutines.
type known struct {
	root    *store.Root
	host    string     // that runs
	tree    *store.Dir // of the run
	cat     *catalog.Catalog
	damaged map[manifest.Digest][]catalog.Damage

	once     sync.Once // the catalog is only read where something is new
	contents *catalog.Contents
	err      error

	mu     sync.Mutex
	stored spool // by the run
	sizes  map[int64]struct{}

	claims [64]sync.Mutex // by the digest of what is being stored
}

// candidate is a file that a path might share the inode of.
type candidate struct {
	tree func() (*store.Dir, error) // the snapshot's, or a folder of it; the caller closes it
	path string                     // there
	in   store.Ref                  // the snapshot, zero where it is none yet

	own      bool   // this run has stored it
	stranger bool   // another host's manifest says what it holds
	name     string // the path in it, where that is another
	size     int64
	stored   manifest.Stored
	xattrs   []manifest.Xattr

	planned bool // a dry run would have made it: it is not there
}

func newKnown(root *store.Root, host string, tree *store.Dir, cat *catalog.Catalog, tempDir string, damaged map[manifest.Digest][]catalog.Damage) *known {
	return &known{
		root: root, host: host, tree: tree, cat: cat, damaged: damaged,
		stored: spool{dir: tempDir}, sizes: map[int64]struct{}{},
	}
}

func (k *known) close() {
	k.stored.close()
	if k.contents != nil {
		k.contents.Close()
	}
}

func (k *known) load(ctx context.Context) error {
	k.once.Do(func() { k.contents, k.err = k.cat.Contents(ctx) })
	return k.err
}

// hasSize reports whether a file of n bytes is there or on its way, which makes
// it worth while to hash one before it is copied.
func (k *known) hasSize(ctx context.Context, n int64) (bool, error) {
	k.mu.Lock()
	_, ok := k.sizes[n]
	k.sizes[n] = struct{}{}
	k.mu.Unlock()
	if ok {
		return true, nil
	}
	if err := k.load(ctx); err != nil {
		return false, err
	}
	return k.contents.HasSize(n), nil
}

// claim waits until nobody else is about to store a content, and makes the
// caller the one who is, until it releases the claim. A few other contents wait
// as well.
func (k *known) claim(d manifest.Digest) (release func()) {
	mu := &k.claims[int(d[0])%len(k.claims)]
	mu.Lock()
	return mu.Unlock
}

// add notes what the run has stored.
func (k *known) add(e *manifest.Entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stored.add(e)
}

// isDamaged reports whether a file of that content was found rotten.
func (k *known) isDamaged(d manifest.Digest) bool { return len(k.damaged[d]) > 0 }

// candidates returns where the content is, the run's own first and the newest
// before older ones.
func (k *known) candidates(ctx context.Context, d manifest.Digest, size int64) ([]candidate, error) {
	k.mu.Lock()
	own, err := k.stored.find(d, repository.CandidatesAsked)
	k.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var found []candidate
	for _, f := range own {
		found = append(found, candidate{
			tree: func() (*store.Dir, error) { return k.tree.Descend(".") },
			own:  true, path: f.path, size: size, stored: f.stored, xattrs: f.xattrs, planned: k.tree == nil,
		})
	}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	contents, err := k.contents.Lookup(d, repository.CandidatesAsked)
	if err != nil {
		return nil, err
	}
	for _, c := range contents {
		for _, s := range c.Snapshots[:min(1, len(c.Snapshots))] {
			ref := store.Ref{Name: s.Name, Stamp: s.Stamp}
			found = append(found, candidate{
				tree: func() (*store.Dir, error) { return k.root.OpenSnapshot(ref) },
				in:   ref, stranger: s.Host != k.host, path: c.Path, size: c.Size, stored: c.Stored, xattrs: c.Xattrs, planned: k.root.Planned[ref] != "" && !k.root.HasTree(ref),
			})
		}
	}
	return found, nil
}
