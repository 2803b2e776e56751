package catalog

import (
	"context"
	"hash/maphash"
)

// An ending is a version that ends: the handle of its row, and the last snapshot
// in which it lives.
type ending struct {
	handle int64
	until  ID
}

// end sets until of versions. If it fails, the catalog is no state to go on from.
func (c *Catalog) end(endings []ending) error {
	if len(endings) == 0 {
		return nil
	}
	return c.amend(func(a *amendment) error { return a.end(endings) })
}

func (a *amendment) end(endings []ending) error {
	for _, e := range endings {
		at, row, err := a.read(e.handle)
		if err != nil {
			return err
		}
		s, err := readLifetime(row.rest)
		if err != nil {
			return err
		}
		s.until = e.until
		a.row = s.append(a.row[:0])
		if err := a.put(link{extent: at, values: a.row}); err != nil {
			return err
		}
		if a.changed < a.batchRows {
			continue
		}
		if err := a.write(); err != nil {
			return err
		}
	}
	return a.write()
}

// endedPaths are the paths that end with a snapshot, in about 20 bytes each.
// Others may have the hashes of some of them; that none of those was taken for
// one, and that each was found once, the sum of other hashes tells.
type endedPaths struct {
	seed, seedOfSum maphash.Seed
	hashes          openRows
	sum             uint64
}

func newEndedPaths() endedPaths {
	return endedPaths{seed: maphash.MakeSeed(), seedOfSum: maphash.MakeSeed()}
}

func (p *endedPaths) add(path string) {
	p.hashes.put(maphash.String(p.seed, path), 1)
	p.sum += p.share(path)
}

// mayHave reports true for all that were added, and for hardly any other.
func (p *endedPaths) mayHave(path string) bool {
	return p.hashes.has(maphash.String(p.seed, path))
}

// share returns what a path adds to the sum.
func (p *endedPaths) share(path string) uint64 { return maphash.String(p.seedOfSum, path) }

// findEnded returns the rows that end, or ErrBase if that is not one for each
// path.
func (ch *changes) findEnded(ctx context.Context) ([]ending, error) {
	if err := ctx.Err(); err != nil || ch.ended.hashes.used == 0 {
		return nil, err
	}
	ours := numbersOf(ch.c.all, ch.name)
	found := make([]ending, 0, ch.ended.hashes.used)
	sum := uint64(0)
	err := ch.c.db.scanVersions(ctx, ch.ended.mayHave, func(v *version, at position) (bool, error) {
		if v.until == 0 && ours[v.since] {
			found = append(found, ending{at.handle, ch.base})
			sum += ch.ended.share(v.path)
		}
		return true, nil
	})
	if err == nil && sum != ch.ended.sum {
		err = ErrBase
	}
	return found, err
}
