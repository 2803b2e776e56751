package keyed

import (
	"hash/maphash"

	"phlb/engine/catalog/rows"
)

// A Hasher makes keys: equal for equal versions, whether they come from a row or
// from a manifest. It is for one goroutine. Keys of one seed are good as long as the
// process lives.
type Hasher struct {
	Seed maphash.Seed

	buf []byte
}

// Key returns the key of a version.
func (h *Hasher) Key(v *rows.Version) uint64 {
	h.buf = v.AppendKey(h.buf[:0])
	return maphash.Bytes(h.Seed, h.buf)
}
