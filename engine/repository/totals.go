package repository

import (
	"context"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// CountAhead counts the files of a source in a walk of its own while a first backup is under
// way, for the totals of Progress, if the environment asks for it. Where a function of a
// script decides which files are wanted, nothing is counted: the function may be slow. The
// caller calls stop when the backup is done.
func (repo *Repository) CountAhead(ctx context.Context, source string, rules walk.Rules) (stop func()) {
	if !repo.Env.CountAhead || rules.Where != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var files, bytes int64
		w := &walk.Walk{Root: source, Rules: rules, Workers: 1}
		err := w.Run(ctx, func(b *walk.Batch) error {
			for i := range b.Entries {
				if e := &b.Entries[i]; e.Kind == manifest.File {
					files++
					bytes += e.Size
				}
			}
			return nil
		})
		if err == nil {
			repo.Progress.TotalFiles.Store(files)
			repo.Progress.TotalBytes.Store(bytes)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
