package rows

import (
	"context"
	"slices"
	"time"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/manifest"
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
	Accepted    Outcome = "accepted"    // a check had failed, and somebody has decided to go on
)

// Run is what was done to the root at one time: to one snapshot, where that can
// be said. It stays known when its snapshot is removed.
type Run struct {
	Verb              string // backup, add, verify, remove, or check where a check has failed or passed again
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

// Damage is a file in a snapshot that does not have the content it should have.
// It stays known when its snapshot is removed, for others may share the inode,
// and until its digest is cleared.
type Damage struct {
	Digest   manifest.Digest // that it should have
	Snapshot ID
	Path     string
	Found    time.Time
	What     string
}

var (
	selectRuns          = qlfile.Compile(`SELECT * FROM runs;`)
	insertRun           = qlfile.Compile(`INSERT INTO runs VALUES ` + parameters(1, 9) + `;`)
	selectVerifications = qlfile.Compile(`SELECT * FROM verifications;`)
	insertVerification  = qlfile.Compile(`INSERT INTO verifications VALUES ` + parameters(1, 9) + `;`)
	selectDamage        = qlfile.Compile(`SELECT digest, snapshot, path, found, what FROM damage;`)
	insertDamage        = qlfile.Compile(`INSERT INTO damage VALUES ` + parameters(1, 5) + `;`)
	deleteOne           = qlfile.Compile(`DELETE FROM damage WHERE snapshot == $1 && path == $2 && (snapshot != 0 || digest == $3);`)
	deleteDigest        = qlfile.Compile(`DELETE FROM damage WHERE digest == $1;`)
	deleteHistory       = qlfile.Compile(`DELETE FROM runs; DELETE FROM verifications; DELETE FROM damage;`)
)

// Runs returns the rows of the table in the order in which they were added.
func Runs(ctx context.Context, file *qlfile.File) ([]Run, error) {
	return all(ctx, file, selectRuns, func(row []any) (r Run, err error) {
		var id int64
		var outcome string
		err = scanRow(row, &r.Verb, &r.Name, &r.Stamp, &id, &r.Host, &r.Started, &r.Finished, &outcome, &r.Error)
		r.Snapshot, r.Outcome = ID(id), Outcome(outcome)
		return r, err
	})
}

// AddRun adds a row.
func AddRun(tx *qlfile.Tx, r *Run) error {
	return tx.Exec(insertRun, r.Verb, r.Name, r.Stamp, int64(r.Snapshot), r.Host, r.Started.UTC(), r.Finished.UTC(), string(r.Outcome), r.Error)
}

// Verifications is Runs for verifications.
func Verifications(ctx context.Context, file *qlfile.File) ([]Verification, error) {
	return all(ctx, file, selectVerifications, func(row []any) (v Verification, err error) {
		var id int64
		err = scanRow(row, &id, &v.Started, &v.Finished, &v.Sample, &v.Files, &v.Read, &v.Bytes, &v.Problems, &v.Healed)
		v.Snapshot = ID(id)
		return v, err
	})
}

// AddVerification adds a row.
func AddVerification(tx *qlfile.Tx, v *Verification) error {
	return tx.Exec(insertVerification, int64(v.Snapshot), v.Started.UTC(), v.Finished.UTC(), v.Sample, v.Files, v.Read, v.Bytes, v.Problems, v.Healed)
}

// Damaged is Runs for damage.
func Damaged(ctx context.Context, file *qlfile.File) ([]Damage, error) {
	return all(ctx, file, selectDamage, func(row []any) (d Damage, err error) {
		digest, _ := row[0].([]byte)
		var ok bool
		if d.Digest, ok = manifest.DigestOf(digest); !ok {
			return d, qlfile.ErrDamaged
		}
		id, _ := row[1].(int64)
		d.Snapshot = ID(id)
		d.Path, _ = row[2].(string)
		d.Found, _ = row[3].(time.Time)
		d.What, _ = row[4].(string)
		return d, nil
	})
}

// AddDamage adds a row in the place of what was noted of the same path. Of
// snapshots that are gone, nobody knows which are the same.
func AddDamage(tx *qlfile.Tx, d *Damage) error {
	if err := tx.Exec(deleteOne, int64(d.Snapshot), d.Path, d.Digest.Bytes()); err != nil {
		return err
	}
	return tx.Exec(insertDamage, d.Digest.Bytes(), int64(d.Snapshot), d.Path, d.Found.UTC(), d.What)
}

// ClearDamage deletes all that was noted of a content.
func ClearDamage(tx *qlfile.Tx, healed manifest.Digest) error {
	return tx.Exec(deleteDigest, healed.Bytes())
}

// ClearHistory deletes all runs, verifications and damage.
func ClearHistory(tx *qlfile.Tx) error { return tx.Exec(deleteHistory) }

// all reads the rows of a statement, of which QL tells the last one first.
func all[T any](ctx context.Context, file *qlfile.File, list qlfile.Statement, read func(row []any) (T, error)) (found []T, err error) {
	err = file.Select(ctx, list, nil, func(row []any) (bool, error) {
		one, err := read(row)
		found = append(found, one)
		return true, err
	})
	slices.Reverse(found)
	return found, err
}
