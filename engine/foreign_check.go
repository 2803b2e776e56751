package engine

import (
	"bytes"
	"context"
	"fmt"
	"hash"
	"io/fs"
	"path"
	"sync/atomic"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// flaw is what is the matter with a file other than that it cannot be read.
type flaw struct {
	what   string // one of the constants of problems
	detail string
}

func (f *flaw) Error() string { return f.detail }

// digests are those of a file as it is.
type digests struct {
	sha256 manifest.Digest
	also   stated // by another algorithm, if one was asked for
}

// by returns the digest by an algorithm, nil if that was not asked for.
func (d *digests) by(algorithm string) []byte {
	switch algorithm {
	case "sha256":
		return d.sha256[:]
	case d.also.algorithm:
		return d.also.sum
	}
	return nil
}

// differs says how a file is not what was stated of it, "" where it is.
func (d *digests) differs(from stated) string {
	if got := d.by(from.algorithm); from.sum != nil && !bytes.Equal(got, from.sum) {
		return fmt.Sprintf("%s is %x, the tool that stored it says %x", from.algorithm, got, from.sum)
	}
	return ""
}

// both hashes by two algorithms at once. Its sum is that of the first.
type both struct {
	hash.Hash
	also hash.Hash
}

func (b both) Write(p []byte) (int, error) {
	b.also.Write(p)
	return b.Hash.Write(p)
}

func (b both) Reset() {
	b.Hash.Reset()
	b.also.Reset()
}

// read reads a file once for all digests that are needed, see [worker.copy].
func (w *worker) read(ctx context.Context, f *walk.File, e *walk.Entry, algorithm string, bytes *atomic.Int64) (n int64, found digests, err error) {
	if algorithm != "" && algorithm != "sha256" {
		own := w.hash
		defer func() { w.hash = own }()
		w.hash = both{own, algorithms[algorithm]()}
	}
	n, err = w.copy(ctx, f, e, nil, bytes)
	found.sha256 = w.sum()
	if b, ok := w.hash.(both); ok {
		found.also = stated{algorithm, b.also.Sum(nil)}
	}
	return n, found, err
}

// isForeign reports whether e is a file of the tool that wrote the tree, and
// what that has lost.
func (r *run) isForeign(t *target, b *walk.Batch, e *walk.Entry) bool {
	if t.foreign == nil || e.Kind != manifest.File {
		return false
	}
	own, lost := t.foreign.owns(e.Name())
	for _, name := range lost {
		b.Errors = append(b.Errors, &fs.PathError{
			Op: "verify", Path: path.Join(t.foreign.Path, name), Err: &flaw{Missing, "its digest is there, the file is not"},
		})
	}
	return own
}

// isForeign reports whether a file that the manifest does not have is one of
// the tool that the snapshot is from.
func (v *verification) isForeign(f *walk.Folder, found *walk.Entry) bool {
	folder, _ := f.Data.(*foreignFolder)
	own, _ := folder.owns(found.Name())
	return own
}
