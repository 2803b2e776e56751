package engine

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

var algorithms = map[string]func() hash.Hash{
	"md5":      md5.New,
	"sha1":     sha1.New,
	"sha256":   sha256.New,
	"sha384":   sha512.New384,
	"sha512":   sha512.New,
	"sha3-256": func() hash.Hash { return sha3.New256() },
	"sha3-512": func() hash.Hash { return sha3.New512() },
}

// newHasher returns workers of an algorithm.
func newHasher(algorithm string) (func(number int) *worker, error) {
	algorithmOf, ok := algorithms[algorithm]
	if !ok {
		return nil, fmt.Errorf("no hash algorithm is called %q; there are %s", algorithm, strings.Join(slices.Sorted(maps.Keys(algorithms)), ", "))
	}
	return func(number int) *worker {
		w := newWorker(number)
		w.hash = algorithmOf()
		return w
	}, nil
}

// Hash returns the digest of the regular file at path, by sha256 or
// another algorithm of which the error for one that is not known has the names.
func (e *Engine) Hash(ctx context.Context, path, algorithm string) ([]byte, error) {
	newWorker, err := newHasher(algorithm)
	if err != nil {
		return nil, err
	}
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("hash: %w", err)
	}
	dir, err := walk.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("hash: %w", err)
	}
	defer dir.Close()
	return newWorker(0).hashFile(ctx, dir, filepath.Base(path), path, &e.Progress.Bytes)
}

// hashFile returns the digest of the file called name in dir, by the algorithm of
// the worker. Errors name the file by path; bytes counts what was read.
func (w *worker) hashFile(ctx context.Context, dir *walk.Dir, name, path string, bytes *atomic.Int64) ([]byte, error) {
	f, err := dir.File(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer f.Close()
	seen, err := f.Stat()
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if seen.Kind != manifest.File {
		return nil, &fs.PathError{Op: "hash", Path: path, Err: fmt.Errorf("is a %v, not a regular file", seen.Kind)}
	}
	seen.Path = path
	if _, err := w.copy(ctx, f, &seen, nil, bytes); err != nil {
		return nil, err
	}
	return w.hash.Sum(nil), nil
}

// Hashed is a file of a source with its digest.
type Hashed struct {
	*walk.Entry
	Digest []byte
}

// HashAll reads the regular files of a source in parallel and yields them in
// the order of a manifest, each valid until the next. Files that cannot be read are logged and counted in
// counts, which may be nil.
func (e *Engine) HashAll(ctx context.Context, source Source, algorithm string, counts *Counts) iter.Seq2[Hashed, error] {
	return func(yield func(Hashed, error) bool) {
		newWorker, err := newHasher(algorithm)
		if err != nil {
			yield(Hashed{}, err)
			return
		}
		defer e.Progress.begin("hash")()
		var workers []*worker
		w := &walk.Walk{Work: func(ctx context.Context, worker int, b *walk.Batch) error {
			digests := make([][]byte, len(b.Entries))
			for i := range b.Entries {
				entry := &b.Entries[i]
				if entry.Kind != manifest.File {
					continue
				}
				digest, err := workers[worker].hashFile(ctx, b.Folder.Dir, entry.Name(), entry.Path, &e.Progress.Bytes)
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
		for i := range w.WorkerCount() {
			workers = append(workers, newWorker(i))
		}
		err = e.repo.scan(ctx, w, source, counts, func(b *walk.Batch) error {
			for i, digest := range b.Data.([][]byte) {
				if digest != nil && !yield(Hashed{&b.Entries[i], digest}, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Hashed{}, err)
		}
	}
}
