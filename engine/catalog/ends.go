package catalog

import (
	"context"
	"hash/maphash"

	"phlb/engine/catalog/keyed"
	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

// end sets until of versions, by the handles of their rows. If it fails, the
// catalog is no state to go on from.
func (c *Catalog) end(endings []qlfile.End) error {
	return c.file.End(rows.Lifetime, endings, c.batchRows)
}

// endedPaths are the paths that end with a snapshot, in about 20 bytes each.
// Others may have the hashes of some of them; that none of those was taken for
// one, and that each was found once, the sum of other hashes tells.
type endedPaths struct {
	seed, seedOfSum maphash.Seed
	hashes          keyed.Rows
	sum             uint64
}

func newEndedPaths() endedPaths {
	return endedPaths{seed: maphash.MakeSeed(), seedOfSum: maphash.MakeSeed()}
}

func (p *endedPaths) add(path string) {
	p.hashes.Put(maphash.String(p.seed, path), 1)
	p.sum += p.share(path)
}

// mayHave reports true for all that were added, and for hardly any other.
func (p *endedPaths) mayHave(path string) bool {
	return p.hashes.Has(maphash.String(p.seed, path))
}

// share returns what a path adds to the sum.
func (p *endedPaths) share(path string) uint64 { return maphash.String(p.seedOfSum, path) }

// findEnded returns the rows that end, or ErrBase if that is not one for each
// path.
func (ch *changes) findEnded(ctx context.Context) ([]qlfile.End, error) {
	if err := ctx.Err(); err != nil || ch.ended.hashes.Len() == 0 {
		return nil, err
	}
	ours := rows.NumbersOf(ch.c.all, ch.name)
	found := make([]qlfile.End, 0, ch.ended.hashes.Len())
	sum := uint64(0)
	err := rows.ScanVersions(ctx, ch.c.file, rows.ByPath(ch.ended.mayHave), func(v *rows.Version, at rows.Position) (bool, error) {
		if v.Until == 0 && ours[v.Since] {
			found = append(found, qlfile.End{Handle: at.Handle, Value: int64(ch.base)})
			sum += ch.ended.share(v.Path)
		}
		return true, nil
	})
	if err == nil && sum != ch.ended.sum {
		err = ErrBase
	}
	return found, err
}
