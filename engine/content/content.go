// Package content reads the bytes of files: it copies, hashes, and reads back.
//
// Most callers make one [Worker] for each goroutine and call its methods for one
// file after the other. Errors of reading a source are a [*SourceError], so that
// callers can tell them from trouble with where the copy goes.
//
// The package does not promise that a file stays as it is while it is read:
// callers look at it before and after.
package content

import (
	"context"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"sync/atomic"

	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// BufferSize is the size up to which a file is read as a whole.
const BufferSize = 256 << 10

// Worker is what one goroutine reads files with.
type Worker struct {
	by    manifest.Algorithm // of hash; not of a worker for any other algorithm
	hash  hash.Hash
	other map[manifest.Algorithm]hash.Hash // to be used again
	whole []byte                           // for a file that is kept in memory, and for one that is copied
	check []byte                           // for HashStored, which is called while whole holds a file
}

// NewWorker returns a worker that hashes by that algorithm.
func NewWorker(by manifest.Algorithm) *Worker { return &Worker{by: by, hash: by.New()} }

// Use has the worker hash by that algorithm from now on.
func (w *Worker) Use(by manifest.Algorithm) {
	if w.by == by {
		return
	}
	if w.other == nil {
		w.other = map[manifest.Algorithm]hash.Hash{}
	}
	w.other[w.by] = w.hash
	if w.hash = w.other[by]; w.hash == nil {
		w.hash = by.New()
	}
	w.by = by
}

// Sum returns the digest of what was read last.
func (w *Worker) Sum() manifest.Digest { return manifest.SumOf(w.by, w.hash) }

// Digest returns the digest of bytes that are in memory.
func (w *Worker) Digest(b []byte) manifest.Digest {
	w.hash.Reset()
	w.hash.Write(b)
	return w.Sum()
}

// Whole returns a buffer for a file of n bytes, at most one more than [BufferSize]:
// a byte past the end of a file tells whether that is the end. What the buffer
// holds stays until the next call of Whole, Copy or a method that is made of Copy.
func (w *Worker) Whole(n int64) []byte {
	if w.whole == nil {
		w.whole = make([]byte, BufferSize+1)
	}
	return w.whole[:n]
}

// SourceError is an error of one entry of the source, which does not end a run.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// FromSource marks an error of reading the source; nil stays nil. That too many files
// are open is no error of the source.
func FromSource(op, path string, err error) error {
	if err == nil {
		return nil
	}
	at := &fs.PathError{Op: op, Path: path, Err: err}
	if TooManyFiles(err) {
		return at
	}
	return &SourceError{at}
}

// Copy reads the file from its start, hashes it, and writes it to out unless
// that is nil. It returns how many bytes there were, and adds them to progress
// as they are read.
func (w *Worker) Copy(ctx context.Context, f *walk.File, e *walk.Entry, out *store.File, progress *atomic.Int64) (n int64, err error) {
	s := w.start(&w.whole, out, e.Size)
	defer s.stop()
	sparse := e.Sparse()
	for end := int64(0); ; {
		if err := context.Cause(ctx); err != nil {
			return n, err
		}
		size := int64(chunkSize)
		if sparse && n == end {
			start, next, err := f.Data(n, e.Size)
			if err != nil {
				return n, FromSource("read", e.Path, err)
			}
			if start > n {
				if out != nil {
					if err := out.Skip(start); err != nil {
						return n, err
					}
				}
				if err := s.zeros(ctx, start-n, progress); err != nil {
					return n, err
				}
				n = start
			}
			end = next
		}
		if sparse && end > n {
			size = min(size, end-n)
		}
		b := s.buffer()
		got, err := f.ReadAt(b[:size], n)
		if err != nil && err != io.EOF {
			return n, FromSource("read", e.Path, err)
		}
		if err := s.take(b[:got]); err != nil {
			return n, err
		}
		n += int64(got)
		progress.Add(int64(got))
		if err == io.EOF || got == 0 {
			return n, nil
		}
	}
}

// HashStored returns the digest of a file under the root by that algorithm.
func (w *Worker) HashStored(ctx context.Context, dir *store.Dir, name string, by manifest.Algorithm) (manifest.Digest, error) {
	found, err := w.StoredDigests(ctx, dir, name, by, by)
	return found.Own, err
}

// StoredDigests is HashStored for two algorithms.
func (w *Worker) StoredDigests(ctx context.Context, dir *store.Dir, name string, by, also manifest.Algorithm) (Digests, error) {
	defer w.Use(w.by)
	w.Use(by)
	return w.digests(also.String(), func() error { return w.readStored(ctx, dir, name) })
}

func (w *Worker) readStored(ctx context.Context, dir *store.Dir, name string) error {
	f, err := dir.Read(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s := w.start(&w.check, nil, BufferSize)
	defer s.stop()
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		b := s.buffer()
		n, err := f.Read(b)
		s.take(b[:n]) // nothing is written, and so nothing fails
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// HashFile returns the digest of the file called name in dir, by the algorithm
// of the worker. Errors name the file by path; what is read is added to progress.
func (w *Worker) HashFile(ctx context.Context, dir *walk.Dir, name, path string, progress *atomic.Int64) ([]byte, error) {
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
	if _, err := w.Copy(ctx, f, &seen, nil, progress); err != nil {
		return nil, err
	}
	return w.hash.Sum(nil), nil
}
