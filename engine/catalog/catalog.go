// Package catalog is the index over the manifests of one backup root: which
// snapshots there are, from which to which of them a version of a path lived,
// and where a content can be found again.
//
// A run opens the catalog, asks [Catalog.Contents] what the root holds, tells a
// [Recorder] what begins and what ends, and publishes:
//
//	c, err := catalog.Open(path, os.TempDir())
//	…
//	defer c.Close()
//	rec, err := c.Begin(ctx, "documents", previous)
//	…
//	_, err = rec.Commit(ctx, snapshot)
//	…
//	err = c.Publish()
//
// The published file is only read. What is written goes to a private file, and
// shadows there what was published: to look at a large catalog, nothing of it is
// copied. [Catalog.Publish] puts both together into a new file that it renames
// over the published one; [Catalog.Close] throws away what was written. So a
// kill at any moment leaves the published catalog as it was, and readers neither
// wait for a writer nor see half of what it does.
//
// # What the tables mean
//
// Snapshots are numbered in the order in which they were absorbed, which need
// not be the order of their times: an old tree may be adopted late. Numbers are
// never used twice. A row of versions lives in every snapshot of its name from
// since to until, both included; until is 0 while it lives in the last one.
// These hold after every call:
//
//   - since, and until where it is not 0, are snapshots that exist and are of
//     one name;
//   - until is 0 exactly where the row lives in the last snapshot of its name;
//   - no two rows of one name and path live in the same snapshot.
//
// Removing a snapshot moves the ends of intervals to its neighbours, so that
// this stays true, and deletes rows that lived nowhere else.
//
// # What it does not promise
//
// The manifests are the truth, and of the damage that verify found and the history
// of runs, the journal is. All of this can be built again from them, and what is
// read here has to be looked at on the disk before it is relied upon. Versions are
// told apart by 64-bit hashes while a manifest is absorbed; a collision, one in
// 10^7 for a million paths, would hide one change.
package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"phlb/engine/catalog/journal"
	"phlb/engine/catalog/keyed"
	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

var (
	// ErrDamaged says that the file is no catalog, or no longer one. What cannot
	// be read is not damaged: it is the error of the system.
	ErrDamaged = qlfile.ErrDamaged
	// ErrPrivate says that files cannot be made that are needed to read the catalog.
	ErrPrivate = qlfile.ErrPrivate
	// ErrForeign says that the file was none of ours, and is not to be replaced.
	ErrForeign = errors.New("is no catalog: move it away, or name another file in phlb.toml")
	// ErrNewer says that a later version of phlb wrote the catalog.
	ErrNewer = qlfile.ErrNewer
	// ErrStale says that somebody else has published since the catalog was
	// opened. Open it again and absorb what is missing.
	ErrStale = qlfile.ErrStale
	// ErrKnown says that a snapshot of that name and stamp is there already.
	ErrKnown = errors.New("snapshot is in the catalog already")
	// ErrBase says that a run's changes cannot be applied, because the catalog
	// does not hold what the run started from. Absorb the manifest instead.
	ErrBase = errors.New("catalog does not hold the snapshot that the run started from")
	// ErrUnknown says that there is no snapshot of that number.
	ErrUnknown = errors.New("snapshot is not in the catalog")
	// ErrBusy says that another snapshot is being recorded.
	ErrBusy = errors.New("catalog is recording another snapshot")
	// ErrClosed says that the catalog was closed or published.
	ErrClosed = qlfile.ErrClosed
)

// What the tables hold is described in package rows.
type (
	// ID is the number of a snapshot. The first one is 1.
	ID = rows.ID
	// Snapshot is a sealed snapshot.
	Snapshot = rows.Snapshot
	// Run is what was done to the root at one time.
	Run = rows.Run
	// Outcome says how a run ended.
	Outcome = rows.Outcome
	// Verification is one look at a snapshot.
	Verification = rows.Verification
	// Damage is a file in a snapshot that does not have the content it should have.
	Damage = rows.Damage
)

// Catalog is what the catalog of one root was when it was opened, with changes
// that nobody else sees. Its methods may be called from several goroutines; what
// writes waits for what reads, so do not write from inside a loop over a result.
type Catalog struct {
	// Released, if it is set, is called once the catalog is closed, when the path
	// that it was opened by is not needed any more.
	Released func()

	path string
	seed maphash.Seed

	mu   sync.RWMutex // held while file is read, exclusively while it is written
	file *qlfile.File
	open map[string]*keyed.Rows // by name, see Absorb
	ends map[int64]ID           // until of rows by id(), yet to be written, see settle

	runs     []Run // yet to be written, by Keep or Publish
	verified []Verification
	found    []string // lines of damage that was noted or cleared, which the tables have

	cameLate bool                 // a snapshot was absorbed since the journal was
	gone     map[journal.Place]ID // snapshots that were removed

	recording sync.Mutex // held while a snapshot is recorded
	all       []Snapshot // by number, nil where they have to be read; for who records
	batchRows int
}

// Open opens the catalog at path; where there is none, it is empty. What is
// written lies beside the file until it is published, or, where nothing can be
// written there, in tempDir; then it cannot be published.
func Open(path, tempDir string) (*Catalog, error) { return open(path, tempDir, true, nil) }

// OpenAway is Open where there is not enough room beside the file, or with
// [syscall.EROFS] where nothing may be written there, as why says. Publish then
// returns that.
func OpenAway(path, tempDir string, why error) (*Catalog, error) {
	return open(path, tempDir, true, why)
}

// Create starts an empty catalog, which [Catalog.Publish] puts in the place of
// what is at path, whatever state that is in: see [IsCatalog].
func Create(path, tempDir string) (*Catalog, error) { return open(path, tempDir, false, nil) }

// CreateAway is to Create as OpenAway to Open.
func CreateAway(path, tempDir string, why error) (*Catalog, error) {
	return open(path, tempDir, false, why)
}

func open(path, tempDir string, keep bool, away error) (_ *Catalog, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open catalog %s: %w", path, err)
		}
	}()
	file, err := qlfile.Open(path, tempDir, keep, away)
	if err != nil {
		return nil, err
	}
	c := &Catalog{path: path, seed: maphash.MakeSeed(), file: file, open: map[string]*keyed.Rows{}, batchRows: batchRows}
	found, err := rows.Migrate(file)
	if err == nil && found > 0 && found < rows.WithJournal {
		err = keepHistory(context.Background(), file)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return c, nil
}

// IsCatalog reports whether the file at path begins like a published catalog,
// if only with the little that a damaged one may have left: one that is empty
// does. A catalog of the first version cannot be told from the databases of
// others, and is not taken for one.
func IsCatalog(path string) bool { return qlfile.IsPacked(path) }

// Fresh returns [ErrStale] where the published file is not what was opened.
func (c *Catalog) Fresh() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.file.Fresh()
}

// Close throws away what was not published.
func (c *Catalog) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.file.Close()
	if c.Released != nil {
		c.Released()
		c.Released = nil
	}
	return err
}

// Away returns why the catalog cannot be published, because nothing can be
// written beside it, and nil if it can.
func (c *Catalog) Away() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.file.Away()
}

// Publish puts the catalog as it is now in the place of the published file, and
// closes it. The caller holds the lock that lets one publish at a time.
// Whatever fails, the published file is the old one or the new one, and whole.
// It returns [ErrStale] where the old one is not what was opened.
func (c *Catalog) Publish() error {
	defer c.Close()
	if err := c.publish(); err != nil {
		return fmt.Errorf("publish catalog %s: %w", c.path, err)
	}
	return nil
}

func (c *Catalog) publish() error {
	if !c.recording.TryLock() {
		return ErrBusy
	}
	defer c.recording.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmp.Or(c.file.Failed(), c.file.Away()); err != nil { // it would be for nothing
		return c.file.Publish()
	}
	if err := c.settleLocked(context.Background()); err != nil {
		return err
	}
	lines, err := c.noted(context.Background())
	if err != nil {
		return err
	}
	for size := int64(-1); size != c.file.Size(); {
		size = c.file.Size()
		err := c.file.Update(func(tx *qlfile.Tx) error {
			if err := c.writeHistory(tx); err != nil {
				return err
			}
			if err := rows.AddUnwritten(tx, lines); err != nil {
				return err
			}
			lines = nil
			return rows.SetSize(tx, size)
		})
		if err != nil {
			return err
		}
	}
	return c.file.Publish()
}

// update runs f in a transaction. After any error nothing of it is left.
func (c *Catalog) update(f func(tx *qlfile.Tx) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.file.Update(f)
}

// Snapshots lists what the catalog holds, newest first.
func (c *Catalog) Snapshots(ctx context.Context) ([]Snapshot, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	slices.SortFunc(all, rows.NewestFirst)
	return all, nil
}
