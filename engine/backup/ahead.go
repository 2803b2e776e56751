package backup

import (
	"context"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// countAhead finds the totals of a first backup while that is under way, for its
// progress. Where a function of a script decides what is wanted, nothing is
// counted: the function may be slow. The caller calls stop when the backup is
// done.
func (r *run) countAhead(ctx context.Context, rules walk.Rules) (stop func()) {
	if !r.Env.CountAhead || r.previous.cursor != nil || rules.Where != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var files, bytes int64
		w := &walk.Walk{Root: r.source, Rules: rules, Workers: 1}
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
			r.Progress.TotalFiles.Store(files)
			r.Progress.TotalBytes.Store(bytes)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
