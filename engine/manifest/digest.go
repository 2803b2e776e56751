package manifest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// Algorithm is what all digests of a manifest are made by.
type Algorithm uint8

// The algorithms, see FIPS 180-4. Their names are those of the tools that check them:
// sha256sum and sha512sum. Others would have to have digests of another length, by
// which [ParseDigest] tells them apart.
const (
	SHA256 Algorithm = iota
	SHA512
)

// Algorithms are all, the default first.
var Algorithms = []Algorithm{SHA256, SHA512}

var algorithms = [...]struct {
	name string
	size int
	make func() hash.Hash
}{
	SHA256: {"sha256", sha256.Size, sha256.New},
	SHA512: {"sha512", sha512.Size, sha512.New},
}

// ParseAlgorithm reads what [Algorithm.String] writes. The error lists what can be
// said.
func ParseAlgorithm(name string) (Algorithm, error) {
	names := make([]string, len(Algorithms))
	for i, a := range Algorithms {
		if names[i] = a.String(); name == names[i] {
			return a, nil
		}
	}
	return 0, fmt.Errorf("want %s, not %q", strings.Join(names, " or "), name)
}

// String returns the name of the algorithm.
func (a Algorithm) String() string { return algorithms[a].name }

// Size returns how many bytes its digests have.
func (a Algorithm) Size() int { return algorithms[a].size }

// New returns a hash by it.
func (a Algorithm) New() hash.Hash { return algorithms[a].make() }

// Suffix is what the file name of a manifest adds to the name of its snapshot.
func (a Algorithm) Suffix() string { return "." + a.String() + ".gz" }

// Suffix is that of the default algorithm.
const Suffix = ".sha256.gz"

// CutSuffix returns the name of the snapshot whose manifest has that file name, and
// whether it is one of a manifest.
func CutSuffix(name string) (stamp string, ok bool) {
	for _, a := range Algorithms {
		if stamp, ok = strings.CutSuffix(name, a.Suffix()); ok {
			return stamp, true
		}
	}
	return name, false
}

// Digest is that of a file's content. The zero value is a SHA-256 of zeros. Digests by
// different algorithms are never equal.
type Digest struct {
	algorithm Algorithm
	sum       [sha512.Size]byte // zero beyond the size of the algorithm
}

// Digest256 returns a digest that SHA-256 has made.
func Digest256(sum [sha256.Size]byte) (d Digest) {
	copy(d.sum[:], sum[:])
	return d
}

// SumOf returns the digest of what was written to a hash that a.New has made.
func SumOf(a Algorithm, h hash.Hash) Digest {
	d := Digest{algorithm: a}
	h.Sum(d.sum[:0])
	return d
}

// DigestOf returns the digest that has these bytes, and whether some algorithm makes
// as many.
func DigestOf(sum []byte) (d Digest, ok bool) {
	for _, a := range Algorithms {
		if len(sum) == a.Size() {
			d.algorithm = a
			copy(d.sum[:], sum)
			return d, true
		}
	}
	return d, false
}

// ParseDigest reads what [Digest.String] writes.
func ParseDigest(s string) (d Digest, err error) {
	for _, a := range Algorithms {
		if len(s) == 2*a.Size() {
			d.algorithm = a
			_, err = hex.Decode(d.sum[:], []byte(s))
			return d, err
		}
	}
	return d, fmt.Errorf("digest has %d characters, not %d or %d", len(s), 2*sha256.Size, 2*sha512.Size)
}

// Algorithm returns what has made d.
func (d *Digest) Algorithm() Algorithm { return d.algorithm }

// Bytes returns the bytes of d, where they lie.
func (d *Digest) Bytes() []byte { return d.sum[:d.algorithm.Size()] }

// Prefix returns the first bytes of d as a number, in the order of digests.
func (d *Digest) Prefix() uint64 { return binary.BigEndian.Uint64(d.sum[:]) }

// String returns d in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d.Bytes()) }

// SameContent reports whether two entries of files have the same content. Digests by
// different algorithms cannot tell: what agrees in size and modification time is
// taken for the same then, as it is by a backup.
func SameContent(a, b *Entry) bool {
	if a.Digest.algorithm == b.Digest.algorithm {
		return a.Digest == b.Digest
	}
	return a.Size == b.Size && a.Mtime == b.Mtime
}
