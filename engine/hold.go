package engine

import (
	"context"
	"fmt"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// A Hold is why snapshots of a name are not to be removed: a check of one of them
// has failed, and none of a later one has passed.
type Hold struct {
	Snapshot store.Ref // of which the check failed
	Why      string
}

// checkVerb is what runs are called that tell what came of checks.
const checkVerb = "check"

// Held returns why snapshots of a name are not to be removed, nil if they may be.
func (e *Engine) Held(ctx context.Context, name string) (*Hold, error) {
	records, err := e.Records(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what came of checks of %s: %w", name, err)
	}
	var last *catalog.Run
	for i := range records.Runs {
		if r := &records.Runs[i]; r.Verb == checkVerb && r.Name == name && (last == nil || !r.Started.Before(last.Started)) {
			last = r
		}
	}
	if last == nil || last.Outcome != catalog.Failed {
		return nil, nil
	}
	return &Hold{store.Ref{Name: last.Name, Stamp: last.Stamp}, last.Error}, nil
}

// A Verdict says what came of the checks of a snapshot.
type Verdict struct {
	Failed   string // what is wrong; "" where nothing is
	Accepted bool   // somebody has looked at what is wrong, and wants removals to go on
}

// NoteVerdict has the root remember what came of the checks of a snapshot, for
// [Engine.Held]. A dry run remembers nothing.
func (e *Engine) NoteVerdict(ctx context.Context, of store.Ref, v Verdict) error {
	if e.DryRun() {
		return nil
	}
	run := catalog.Run{Verb: checkVerb, Name: of.Name, Stamp: of.Stamp, Started: e.repo.Env.Now(), Error: v.Failed}
	outcome := catalog.OK
	switch {
	case v.Accepted:
		outcome = catalog.Accepted
	case v.Failed != "":
		outcome = catalog.Failed
	}
	if err := e.repo.NoteRun(ctx, e.repo.Ended(run, outcome)); err != nil {
		return fmt.Errorf("note what came of the checks of %s: %w", of, err)
	}
	return nil
}
