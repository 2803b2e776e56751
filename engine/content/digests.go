package content

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// Digests are those of a file as it was read.
type Digests struct {
	Own  manifest.Digest // by the algorithm of the worker
	also Stated          // by another one, if that was asked for
}

// By returns the digest by an algorithm, nil if that was not asked for.
func (d *Digests) By(algorithm string) []byte {
	switch algorithm {
	case d.Own.Algorithm().String():
		return d.Own.Bytes()
	case d.also.Algorithm:
		return d.also.Sum
	}
	return nil
}

// Differs says how the file is not what was stated of it, "" where it is that.
func (d *Digests) Differs(from Stated) string {
	if got := d.By(from.Algorithm); from.Sum != nil && !bytes.Equal(got, from.Sum) {
		return fmt.Sprintf("%s is %x, the tool that stored it says %x", from.Algorithm, got, from.Sum)
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

// ReadDigests reads a file once, for its digest by the algorithm of the worker and,
// unless it is "", for the one by another algorithm too. It returns how many bytes there
// were, and adds them to progress as they are read.
func (w *Worker) ReadDigests(ctx context.Context, f *walk.File, e *walk.Entry, algorithm string, progress *atomic.Int64) (n int64, found Digests, err error) {
	found, err = w.digests(algorithm, func() (err error) {
		n, err = w.Copy(ctx, f, e, nil, progress)
		return err
	})
	return n, found, err
}

// digests returns the digests of what read reads.
func (w *Worker) digests(also string, read func() error) (Digests, error) {
	if also == "" || also == w.by.String() {
		err := read()
		return Digests{Own: w.Sum()}, err
	}
	own, second := w.hash, algorithms[also]()
	defer func() { w.hash = own }()
	w.hash = both{own, second}
	err := read()
	return Digests{w.Sum(), Stated{also, second.Sum(nil)}}, err
}

// Stated is a digest that another tool has recorded of a file. The zero value says
// that there is none.
type Stated struct {
	Algorithm string // one of those that NewHasher knows
	Sum       []byte
}

// algorithms are those that a digest can be asked by.
var algorithms = map[string]func() hash.Hash{
	"md5":      md5.New,
	"sha1":     sha1.New,
	"sha256":   sha256.New,
	"sha384":   sha512.New384,
	"sha512":   sha512.New,
	"sha3-256": func() hash.Hash { return sha3.New256() },
	"sha3-512": func() hash.Hash { return sha3.New512() },
}

// NewHasher returns a function that makes workers of an algorithm. The error for
// one that is not known lists those that are.
func NewHasher(algorithm string) (func() *Worker, error) {
	algorithmOf, ok := algorithms[algorithm]
	if !ok {
		return nil, fmt.Errorf("no hash algorithm is called %q; there are %s", algorithm, strings.Join(slices.Sorted(maps.Keys(algorithms)), ", "))
	}
	return func() *Worker { return &Worker{hash: algorithmOf()} }, nil
}
