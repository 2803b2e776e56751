package engine

import (
	"context"
	"slices"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// plan is tree for a dry run, which lists the files but reads none: what would
// become links is not known, nor whether a file is what another tool says it is.
func (a *adoption) plan(ctx context.Context, ref store.Ref) (*catalog.Snapshot, error) {
	tree, err := a.root.OpenSnapshot(ref)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	a.Progress.phase("add " + ref.String())
	a.foreign = recognise(a.root, ref)
	s := &catalog.Snapshot{Stamp: ref.Stamp, Header: manifest.Header{Name: ref.Name, Source: a.root.SnapshotPath(ref), Host: a.env.Host}}
	if s.Started, err = a.started(tree, ref.Stamp); err != nil {
		return nil, err
	}
	var counts Counts
	w := &walk.Walk{
		Prepare: func(b *walk.Batch) error {
			if b.First {
				b.Folder.Data = a.foreign.in(b.Folder)
			}
			return nil
		},
		Work: func(_ context.Context, _ int, b *walk.Batch) error { // as long as the folder is open
			folder := b.Folder.Data.(*foreignFolder)
			b.Entries = slices.DeleteFunc(b.Entries, func(e walk.Entry) bool {
				own, _ := folder.owns(e.Name())
				return own && e.Kind == manifest.File
			})
			return nil
		},
	}
	err = a.scan(ctx, w, Source{Root: s.Source}, &counts, func(*walk.Batch) error { return nil })
	if err != nil {
		return nil, err
	}
	s.Finished = s.Started
	failed, _ := a.foreign.outcome(a.root, ref)
	s.Files, s.Bytes, s.Errors = counts.Files, counts.Bytes, counts.Errors+failed
	a.report.Files += counts.Files
	a.report.Unread += counts.Files
	return s, nil
}
