package backup

import (
	"context"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

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
	stages, err := r.Stages(ctx, cat, r.record.Name, r.source, source.Rules)
	for _, since := range stages {
		if err == nil {
			err = r.stage(ctx, cat, source, since, &all)
		}
	}
	return all, err
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
