// Package known finds files under a backup root that a path may be linked to, by the
// content that a run is about to store there.
//
// Most callers make a [Contents] for a run, ask [Contents.HasSize] whether a file
// is worth hashing before it is copied, [Contents.Claim] a digest, [Contents.Open]
// one of its [Contents.Candidates] to link to, and [Contents.Add] what they had to
// store.
//
// A candidate is what the catalog and the manifests say. Somebody may have changed or
// removed the file since, which only Open finds.
package known

import (
	"context"
	"log/slog"
	"sync"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// Contents are those that the root holds: what the catalog knew when the run began,
// and what the run has stored since. The methods may be called from several
// goroutines.
type Contents struct {
	Source
	looks    looks
	once     sync.Once // guards contents and err: the catalog is only read where something is new
	contents *catalog.Contents
	err      error

	mu     sync.Mutex
	stored spool // what the run has stored
	sizes  map[int64]struct{}

	claims [64]sync.Mutex // by the digest of what is being stored
}

// Source is where a run looks for contents.
type Source struct {
	Root    *store.Root
	Tree    *store.Dir // what the run stores lies here; nil in a dry run
	Host    string     // the host that runs
	Catalog *catalog.Catalog
	Damaged map[manifest.Digest][]catalog.Damage // contents of which a file was found rotten
	TempDir string                               // for what the run has stored, "" for the system's
	Log     *slog.Logger                         // hears of files that were changed inside a snapshot
}

// In returns the contents that the source holds. The caller closes them.
func In(s Source) *Contents {
	return &Contents{Source: s, stored: spool{dir: s.TempDir}, sizes: map[int64]struct{}{}}
}

// Candidate is a file that a path might share the inode of.
type Candidate struct {
	Tree func() (*store.Dir, error) // opens the tree that holds the file, or a folder of it; the caller closes it
	Path string                     // of the file below the tree
	In   store.Ref                  // the snapshot that the file is of; zero for none

	Own      bool   // this run has stored the file
	Stranger bool   // the manifest that says what the file holds was written by another host
	Name     string // the path of the file in its snapshot; "" where that is Path
	Size     int64
	Stored   manifest.Stored
	Xattrs   []manifest.Xattr

	Planned bool // a dry run would have made the file: there is none
}

// Close releases what the contents are read from.
func (k *Contents) Close() {
	k.stored.close()
	if k.contents != nil {
		k.contents.Close()
	}
}

func (k *Contents) load(ctx context.Context) error {
	k.once.Do(func() { k.contents, k.err = k.Catalog.Contents(ctx) })
	return k.err
}

// HasSize reports whether a file of n bytes is there or on its way, which makes
// it worth while to hash one before it is copied.
func (k *Contents) HasSize(ctx context.Context, n int64) (bool, error) {
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

// Claim waits until nobody else is about to store a content, and makes the
// caller the one who is, until it releases the claim. A few other contents wait
// as well.
func (k *Contents) Claim(d manifest.Digest) (release func()) {
	mu := &k.claims[d.Prefix()%uint64(len(k.claims))]
	mu.Lock()
	return mu.Unlock
}

// Add notes a file that the run has stored.
func (k *Contents) Add(e *manifest.Entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stored.add(e)
}

// IsDamaged reports whether a file of that content was found rotten.
func (k *Contents) IsDamaged(d manifest.Digest) bool { return len(k.Damaged[d]) > 0 }

// OwnCandidate is the candidate that the run has stored for e.
func (k *Contents) OwnCandidate(e *manifest.Entry) Candidate {
	return k.own(e.Path, e.Size, e.InSnapshot(), e.Xattrs)
}

func (k *Contents) own(path string, size int64, stored manifest.Stored, xattrs []manifest.Xattr) Candidate {
	return Candidate{
		Tree: func() (*store.Dir, error) { return k.Tree.Descend(".") },
		Own:  true, Path: path, Size: size, Stored: stored, Xattrs: xattrs, Planned: k.Tree == nil,
	}
}

// Candidates returns where a content of that size is, the run's own first and the
// newest before older ones.
func (k *Contents) Candidates(ctx context.Context, d manifest.Digest, size int64) ([]Candidate, error) {
	k.mu.Lock()
	own, err := k.stored.find(d, repository.CandidatesAsked)
	k.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var found []Candidate
	for _, f := range own {
		found = append(found, k.own(f.path, size, f.stored, f.xattrs))
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
			found = append(found, Candidate{
				Tree: func() (*store.Dir, error) { return k.Root.OpenSnapshot(ref) },
				In:   ref, Stranger: s.Host != k.Host, Path: c.Path, Size: c.Size, Stored: c.Stored, Xattrs: c.Xattrs,
				Planned: k.Root.Planned[ref] != "" && !k.Root.HasTree(ref),
			})
		}
	}
	return found, nil
}
