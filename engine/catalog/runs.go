package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

// The outcomes of runs.
const (
	OK          = rows.OK
	Incomplete  = rows.Incomplete
	Rotten      = rows.Rotten
	Failed      = rows.Failed
	Interrupted = rows.Interrupted
	Accepted    = rows.Accepted
)

// NoteRun adds runs to the history, with the next [Catalog.Keep] or
// [Catalog.Publish]. A run that is there already is not noted twice.
func (c *Catalog) NoteRun(runs ...Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs = append(c.runs, runs...)
}

// NoteVerification is NoteRun for verifications.
func (c *Catalog) NoteVerification(v Verification) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verified = append(c.verified, v)
}

// Runs returns what was done to the root, in no particular order.
func (c *Catalog) Runs(ctx context.Context) ([]Run, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all, err := rows.Runs(ctx, c.file)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	return all, nil
}

// Verifications returns the looks at snapshots, in no particular order.
func (c *Catalog) Verifications(ctx context.Context) ([]Verification, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all, err := rows.Verifications(ctx, c.file)
	if err != nil {
		return nil, fmt.Errorf("read verifications: %w", err)
	}
	return all, nil
}

// LastVerified returns when the last verification of a snapshot ended, the zero
// time where there was none.
func (c *Catalog) LastVerified(ctx context.Context, id ID) (last time.Time, err error) {
	all, err := c.Verifications(ctx)
	for _, v := range all {
		if v.Snapshot == id && v.Finished.After(last) {
			last = v.Finished
		}
	}
	return last, err
}

// FoundSince reports whether damage may have been noted or cleared since then: by a
// verification that has found or healed some, or failed on the way.
func (c *Catalog) FoundSince(ctx context.Context, since time.Time) (bool, error) {
	all, err := c.Runs(ctx)
	return slices.ContainsFunc(all, func(r Run) bool {
		return r.Verb == "verify" && r.Outcome != OK && !r.Finished.Before(since)
	}), err
}

// writeHistory inserts what was noted, once.
func (c *Catalog) writeHistory(tx *qlfile.Tx) error {
	h := history{runs: c.runs, verified: c.verified} // the tables have the damage
	if err := h.add(tx); err != nil {
		return err
	}
	c.runs, c.verified, c.found = nil, nil, nil
	return nil
}

// forgetVerified drops verifications of snapshots that are gone from those that
// are yet to be written.
func (c *Catalog) forgetVerified(gone map[ID]bool) {
	c.verified = slices.DeleteFunc(c.verified, func(v Verification) bool { return gone[v.Snapshot] })
}
