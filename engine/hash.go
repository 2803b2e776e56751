package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

// Hash returns the digest of the regular file at path, by sha256 or
// another algorithm of which the error for one that is not known has the names.
func (e *Engine) Hash(ctx context.Context, path, algorithm string) ([]byte, error) {
	newWorker, err := content.NewHasher(algorithm)
	if err != nil {
		return nil, err
	}
	path = e.repo.Real(path)
	w := &walk.Walk{}
	done, err := e.repo.OpenSource(w, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("hash: %w", err)
	}
	defer done()
	dir := w.Dir
	if dir == nil {
		if dir, err = walk.OpenRoot(w.Root); err != nil {
			return nil, fmt.Errorf("hash: %w", err)
		}
		defer dir.Close()
	}
	return newWorker().HashFile(ctx, dir, filepath.Base(path), path, &e.Progress.Bytes)
}

// Hashed is a file of a source with its digest.
type Hashed struct {
	*walk.Entry
	Digest []byte
}

// HashAll reads the regular files of a source in parallel and yields them in
// the order of a manifest, each valid until the next. Files that cannot be read are logged and counted in
// counts, which may be nil.
func (e *Engine) HashAll(ctx context.Context, source repository.Source, algorithm string, counts *repository.Counts) iter.Seq2[Hashed, error] {
	return func(yield func(Hashed, error) bool) {
		newWorker, err := content.NewHasher(algorithm)
		if err != nil {
			yield(Hashed{}, err)
			return
		}
		defer e.Progress.Begin("hash")()
		var workers []*content.Worker
		w := &walk.Walk{Work: func(ctx context.Context, worker int, b *walk.Batch) error {
			digests := make([][]byte, len(b.Entries))
			for i := range b.Entries {
				entry := &b.Entries[i]
				if entry.Kind != manifest.File {
					continue
				}
				digest, err := workers[worker].HashFile(ctx, b.Folder.Dir, entry.Name(), entry.Path, &e.Progress.Bytes)
				if cause := context.Cause(ctx); cause != nil {
					return cause
				}
				if err != nil {
					b.Errors = append(b.Errors, err)
				}
				digests[i] = digest
				e.Progress.Files.Add(1)
			}
			b.Data = digests
			return nil
		}}
		for range w.WorkerCount() {
			workers = append(workers, newWorker())
		}
		err = e.repo.Walk(ctx, w, source, counts, func(b *walk.Batch) error {
			for i, digest := range b.Data.([][]byte) {
				if digest != nil && !yield(Hashed{&b.Entries[i], digest}, nil) {
					return repository.ErrStop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, repository.ErrStop) {
			yield(Hashed{}, err)
		}
	}
}
