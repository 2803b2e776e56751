package engine

import (
	"context"

	"phlb/engine/repository"
)

// Before returns the newest complete snapshot of the name that is older than s, nil
// if there is none.
func (e *Engine) Before(ctx context.Context, s *repository.Snapshot) (*repository.Snapshot, error) {
	all, err := e.repo.Snapshots(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	for _, other := range all { // the newest first
		if other.Complete() && other.Started.Before(s.Started) {
			return other, nil
		}
	}
	return nil, nil
}
