package engine

import (
	"context"
	"fmt"
	"time"

	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// Stat is what a snapshot holds.
type Stat struct {
	Kinds     map[manifest.Kind]int64 // entries of each kind
	Bytes     int64                   // sizes of the files, those with several names counted for each
	OnlyFiles int64                   // contents that no other snapshot holds
	OnlyBytes int64                   // their sizes: what its removal would free
	Verified  time.Time               // when it was last verified, as far as the catalog knows; else zero
}

// Stat counts what a snapshot holds, from its manifest, and what only it holds,
// from the inodes of its tree. When it was verified, the catalog knows.
func (e *Engine) Stat(ctx context.Context, s *repository.Snapshot) (*Stat, error) {
	root, err := e.repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	defer e.Progress.Begin("stat " + s.Ref().String())()
	c, err := parent.Open(root, s.Ref(), 0, nil)
	if err != nil {
		return nil, fmt.Errorf("stat: %w", err)
	}
	defer c.Close()
	stat := &Stat{Kinds: map[manifest.Kind]int64{}}
	for entry := c.Peek(); entry != nil; entry = c.Peek() {
		stat.Kinds[entry.Kind]++
		if entry.Kind == manifest.File {
			stat.Bytes += entry.Size
		}
		c.Pass()
	}
	if err := c.Failed(); err != nil {
		return nil, fmt.Errorf("stat: %w", err)
	}
	only := &repository.Removal{Snapshots: []*repository.Snapshot{s}}
	if _, err := e.measure(ctx, root, only); err != nil {
		return nil, fmt.Errorf("stat: %w", err)
	}
	stat.OnlyFiles, stat.OnlyBytes = only.Files, only.Bytes
	if stat.Verified, err = e.lastVerified(ctx, root, s); err != nil {
		return nil, fmt.Errorf("stat: %w", err)
	}
	return stat, nil
}

func (e *Engine) lastVerified(ctx context.Context, root *store.Root, s *repository.Snapshot) (last time.Time, err error) {
	cat, err := e.repo.OpenToRead(ctx, root)
	if err != nil {
		return last, err
	}
	defer cat.Close()
	id, err := repository.NumberOf(ctx, cat, s.Ref())
	if err != nil {
		return last, err
	}
	return cat.LastVerified(ctx, id)
}
