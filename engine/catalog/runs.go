package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"phlb/engine/catalog/qlfile"
)

// An Outcome says how a run ended.
type Outcome string

// The outcomes of runs.
const (
	OK          Outcome = "ok"
	Incomplete  Outcome = "incomplete"  // a snapshot was sealed that lacks what could not be read
	Rotten      Outcome = "damage"      // something is not what it was when it was stored
	Failed      Outcome = "failed"      // nothing came of it
	Interrupted Outcome = "interrupted" // nor here, because somebody ended it
)

// Run is what was done to the root at one time: to one snapshot, where that can
// be said. It stays known when its snapshot is removed.
type Run struct {
	Verb              string // backup, add, verify or remove
	Name              string // backup name, "" where it was about none
	Stamp             string // folder of the snapshot, "" where there is none
	Snapshot          ID     // its number, 0 where it has none
	Host              string // that did it
	Started, Finished time.Time
	Outcome           Outcome
	Error             string // why it failed
}

// Verification is one look at a snapshot. It is forgotten with that.
type Verification struct {
	Snapshot          ID
	Started, Finished time.Time
	Sample            float64 // share of the content that was asked for: 0 where nothing was read
	Files             int64   // regular files looked at
	Read              int64   // inodes read back
	Bytes             int64   // of those
	Problems          int64
	Healed            int64
}

const (
	runColumns          = 9
	verificationColumns = 9
)

var (
	insertRun           = qlfile.Compile(`INSERT INTO runs VALUES ` + parameters(1, runColumns) + `;`)
	insertVerification  = qlfile.Compile(`INSERT INTO verifications VALUES ` + parameters(1, verificationColumns) + `;`)
	deleteVerifications = qlfile.Compile(`DELETE FROM verifications WHERE snapshot IN (SELECT id FROM removed);`)
	selectRuns          = qlfile.Compile(`SELECT * FROM runs;`)
	selectVerifications = qlfile.Compile(`SELECT * FROM verifications;`)
	selectVerified      = qlfile.Compile(`SELECT max(finished) FROM verifications WHERE snapshot == $1;`)
	selectFound         = qlfile.Compile(`SELECT finished FROM runs WHERE verb == "verify" && outcome != "ok" && finished >= $1;`)
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
func (c *Catalog) Runs(ctx context.Context) (all []Run, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	err = c.db.Select(ctx, selectRuns, nil, func(row []any) (bool, error) {
		r, err := readRun(row)
		all = append(all, r)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	return all, nil
}

// Verifications returns the looks at snapshots, in no particular order.
func (c *Catalog) Verifications(ctx context.Context) (all []Verification, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	err = c.db.Select(ctx, selectVerifications, nil, func(row []any) (bool, error) {
		v, err := readVerification(row)
		all = append(all, v)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read verifications: %w", err)
	}
	return all, nil
}

// LastVerified returns when the last verification of a snapshot ended, the zero
// time where there was none.
func (c *Catalog) LastVerified(ctx context.Context, id ID) (last time.Time, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	err = c.db.Select(ctx, selectVerified, []any{int64(id)}, func(row []any) (bool, error) {
		last, _ = row[0].(time.Time)
		return true, nil
	})
	if err != nil {
		return last, fmt.Errorf("read verifications of snapshot %d: %w", id, err)
	}
	return last, nil
}

// FoundSince reports whether damage may have been noted or cleared since then: by a
// verification that has found or healed some, or failed on the way.
func (c *Catalog) FoundSince(ctx context.Context, since time.Time) (found bool, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	err = c.db.Select(ctx, selectFound, []any{since.UTC()}, func([]any) (bool, error) {
		found = true
		return false, nil
	})
	if err != nil {
		return false, fmt.Errorf("read runs: %w", err)
	}
	return found, nil
}

// writeHistory inserts what was noted, once.
func (c *Catalog) writeHistory(tx *qlfile.Tx) error {
	for i := range c.runs {
		if err := insertIntoRuns(tx, &c.runs[i]); err != nil {
			return err
		}
	}
	for i := range c.verified {
		if err := insertIntoVerifications(tx, &c.verified[i]); err != nil {
			return err
		}
	}
	c.runs, c.verified, c.found = nil, nil, nil
	return nil
}

func insertIntoRuns(tx *qlfile.Tx, r *Run) error {
	return tx.Exec(insertRun, r.Verb, r.Name, r.Stamp, int64(r.Snapshot), r.Host, r.Started.UTC(), r.Finished.UTC(), string(r.Outcome), r.Error)
}

func readRun(row []any) (r Run, err error) {
	var id int64
	var outcome string
	err = scanRow(row, &r.Verb, &r.Name, &r.Stamp, &id, &r.Host, &r.Started, &r.Finished, &outcome, &r.Error)
	r.Snapshot, r.Outcome = ID(id), Outcome(outcome)
	return r, err
}

func insertIntoVerifications(tx *qlfile.Tx, v *Verification) error {
	return tx.Exec(insertVerification, int64(v.Snapshot), v.Started.UTC(), v.Finished.UTC(), v.Sample, v.Files, v.Read, v.Bytes, v.Problems, v.Healed)
}

func readVerification(row []any) (v Verification, err error) {
	var id int64
	err = scanRow(row, &id, &v.Started, &v.Finished, &v.Sample, &v.Files, &v.Read, &v.Bytes, &v.Problems, &v.Healed)
	v.Snapshot = ID(id)
	return v, err
}

// forgetVerified drops verifications of snapshots that are gone from those that
// are yet to be written.
func (c *Catalog) forgetVerified(gone map[ID]bool) {
	c.verified = slices.DeleteFunc(c.verified, func(v Verification) bool { return gone[v.Snapshot] })
}
