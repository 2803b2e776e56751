package repository

import (
	"context"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// ages are how old the files are, at most, that each stage of a backup brings which
// takes the newest first. What is older than all of them comes last.
var ages = []time.Duration{day, 7 * day, 31 * day, 366 * day}

const day = 24 * time.Hour

// Stages returns the times since which the files were changed that each stage of a
// backup brings which takes the newest first, in the order of the stages. There are
// none where all that is new since the snapshot before is of one age. The source is
// walked for it, and only the function of a script, which may be slow, is not asked
// about its files.
func (repo *Repository) Stages(ctx context.Context, cat *catalog.Catalog, name, source string, rules walk.Rules) (list []manifest.Time, err error) {
	snapshots, err := cat.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	var last manifest.Time // when the snapshot before was begun
	if before := Newest(snapshots, name); before != nil {
		last = manifest.TimeOf(before.Started)
	}
	now := repo.Env.Now()
	counts := make([]int64, len(ages)+1)
	rules.Where = nil
	err = (&walk.Walk{Root: source, Rules: repo.OutsideOfRoot(rules)}).Run(ctx, func(b *walk.Batch) error {
		for i := range b.Entries {
			e := &b.Entries[i]
			if e.Kind != manifest.File || e.Mtime.Before(last) && e.Ctime.Before(last) {
				continue
			}
			of := 0
			for of < len(ages) && e.Mtime.Before(manifest.TimeOf(now.Add(-ages[of]))) {
				of++
			}
			counts[of]++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	older := int64(0)
	for _, n := range counts {
		older += n
	}
	for i, n := range counts[:len(ages)] {
		if older -= n; n > 0 && older > 0 {
			list = append(list, manifest.TimeOf(now.Add(-ages[i])))
		}
	}
	return list, nil
}
