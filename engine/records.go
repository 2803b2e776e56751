package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"phlb/engine/catalog"
	"phlb/engine/repository"
)

// Records is what the catalog knows of a root beside the versions of paths, all as of
// one moment.
type Records struct {
	Snapshots     []*repository.Snapshot // the newest first
	Runs          []catalog.Run          // in the order in which they were noted
	Verifications []catalog.Verification // the same
	Damage        []catalog.Damage       // in no particular order
}

// Records returns them. The error is [ErrNoRoot] where there is no root yet.
func (e *Engine) Records(ctx context.Context) (*Records, error) {
	root, cat, done, err := e.repo.OpenRootToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	r := &Records{}
	for _, s := range all {
		r.Snapshots = append(r.Snapshots, repository.NewSnapshot(root, s))
	}
	if r.Runs, err = cat.Runs(ctx); err != nil {
		return nil, err
	}
	if r.Verifications, err = cat.Verifications(ctx); err != nil {
		return nil, err
	}
	damaged, err := cat.Damaged(ctx)
	for _, found := range damaged {
		r.Damage = append(r.Damage, found...)
	}
	return r, err
}

// SnapshotLog returns the end of what the run that made a snapshot has logged, at
// most that many bytes, and "" where the snapshot has no log.
func (e *Engine) SnapshotLog(s *repository.Snapshot, most int64) (string, error) {
	root, err := e.repo.OpenRoot()
	if err != nil {
		return "", err
	}
	defer root.Close()
	file, err := root.OpenLog(s.Ref())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the log of %s: %w", s.Ref(), err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, io.SeekEnd); err != nil {
			return "", fmt.Errorf("read the log of %s: %w", s.Ref(), err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return "", fmt.Errorf("read the log of %s: %w", s.Ref(), err)
	}
	return string(text), nil
}
