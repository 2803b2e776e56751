package backup

import (
	"context"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

// ages are how old the files are, at most, that a stage of a run brings which takes
// the newest first. What is older than all comes last.
var ages = []time.Duration{day, 7 * day, 31 * day, 366 * day}

const day = 24 * time.Hour

// early counts what the stages of a run have stored before its last one.
type early struct{ files, bytes int64 }

// newestFirst brings the files that were changed last into a partial, one stage of
// ages after the other. Each takes over what the one before has left, as from a run
// that was cut off, and so does the walk over all of the source that follows. What was
// begun with a manifest in the order of paths needs no more memory that way, and the
// snapshot is the same.
func (r *run) newestFirst(ctx context.Context, cat *catalog.Catalog, source repository.Source) (all early, err error) {
	if !source.Newest || r.Env.DryRun {
		return all, nil
	}
	stages, err := r.stages(ctx, cat, source)
	for _, since := range stages {
		if err == nil {
			err = r.stage(ctx, cat, source, since, &all)
		}
	}
	return all, err
}

// stages returns the times since which the files of each stage were changed. There are
// none where all that is new is of one age. The source is looked through for it, but
// for what the rules alone can tell.
func (r *run) stages(ctx context.Context, cat *catalog.Catalog, source repository.Source) (list []manifest.Time, err error) {
	snapshots, err := cat.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	var last manifest.Time // when the snapshot before was begun
	if before := repository.Newest(snapshots, r.record.Name); before != nil {
		last = manifest.TimeOf(before.Started)
	}
	now := r.Env.Now()
	counts := make([]int64, len(ages)+1)
	rules := source.Rules
	rules.Where = nil
	rules = r.OutsideOfRoot(rules)
	err = (&walk.Walk{Root: r.source, Rules: rules}).Run(ctx, func(b *walk.Batch) error {
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

// stage brings the files that were changed since then, and leaves them as a run does
// that was cut off. What cannot be read is told of by the last stage.
func (r *run) stage(ctx context.Context, cat *catalog.Catalog, source repository.Source, since manifest.Time, all *early) error {
	s := &run{
		Repository: r.Repository, record: r.record, source: r.source, match: r.match,
		root: r.root, lock: r.lock, isStage: true,
	}
	defer func() {
		if s.partial != nil {
			s.partial.Close()
		}
	}()
	defer s.close()
	where := source.Rules.Where
	source.Rules.Where = func(worker int, e *walk.Entry) (bool, error) {
		if e.Mtime.Before(since) || where == nil {
			return !e.Mtime.Before(since), nil
		}
		return where(worker, e)
	}
	if _, err := s.fill(ctx, cat, source); err != nil {
		return err
	}
	s.output.writer.Flush() // for the next stage to take over
	err := s.output.writer.Abort()
	all.files += s.output.summary.New
	all.bytes += s.output.summary.NewBytes
	r.Progress.Files.Store(0) // the next stage comes to them again
	r.Progress.Bytes.Store(0)
	return err
}
