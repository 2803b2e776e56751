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
// The manifests are the truth. Anything here but the damage that verify found
// and the history of runs can be built again from them, and what is read here
// has to be looked at on the disk before it is relied upon. Versions are told apart by 64-bit hashes
// while a manifest is absorbed; a collision, one in 10^7 for a million paths,
// would hide one change.
package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"modernc.org/ql"

	"phlb/engine/manifest"
)

var (
	// ErrDamaged says that the file is no catalog, or no longer one.
	ErrDamaged = errors.New("catalog is damaged: delete it, and the next command rebuilds it from the manifests")
	// ErrForeign says that the file was none of ours, and is not to be replaced.
	ErrForeign = errors.New("is no catalog: move it away, or name another file in phlb.toml")
	// ErrNewer says that a later version of phlb wrote the catalog.
	ErrNewer = errors.New("catalog was written by a newer phlb: update phlb to use it")
	// ErrStale says that somebody else has published since the catalog was
	// opened. Open it again and absorb what is missing.
	ErrStale = errors.New("catalog was changed by somebody else meanwhile")
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
	ErrClosed = errors.New("catalog is closed")
)

// ID is the number of a snapshot. The first one is 1.
type ID int64

// Snapshot is a sealed snapshot.
type Snapshot struct {
	ID    ID
	Stamp string // its folder, under that of the backup name
	manifest.Header
	manifest.Summary
}

// Catalog is what the catalog of one root was when it was opened, with changes
// that nobody else sees. Its methods may be called from several goroutines; what
// writes waits for what reads, so do not write from inside a loop over a result.
type Catalog struct {
	Zone *time.Location // of times in queries that name none; nil is UTC

	path      string
	published fs.FileInfo // of the file that was read; nil if there was none
	private   *private
	seed      maphash.Seed

	mu   sync.RWMutex // held while db is read, exclusively while it is written
	db   *database
	open map[string]*openRows // by name, see Absorb
	ends map[int64]ID         // until of rows by id(), yet to be written, see settle

	runs     []Run // yet to be written, by Publish
	verified []Verification

	recording sync.Mutex // held while a snapshot is recorded
	all       []Snapshot // by number, nil where they have to be read; for who records
	batchRows int
}

// Open opens the catalog at path; where there is none, it is empty. What is
// written lies beside the file until it is published, or, where nothing can be
// written there, in tempDir; then it cannot be published.
func Open(path, tempDir string) (*Catalog, error) { return open(path, tempDir, true, nil) }

// OpenAway is Open where there is not enough room beside the file, as why says,
// which Publish then returns.
func OpenAway(path, tempDir string, why error) (*Catalog, error) {
	return open(path, tempDir, true, why)
}

// Create starts an empty catalog, which [Catalog.Publish] puts in the place of
// what is at path, whatever state that is in: see [IsCatalog].
func Create(path, tempDir string) (*Catalog, error) { return open(path, tempDir, false, nil) }

func open(path, tempDir string, keep bool, away error) (_ *Catalog, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open catalog %s: %w", path, err)
		}
	}()
	c := &Catalog{path: path, seed: maphash.MakeSeed(), open: map[string]*openRows{}, batchRows: batchRows}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	file, err := openFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		os.MkdirAll(filepath.Dir(path), 0o777) // a failure shows right away
	case err != nil:
		return nil, err
	}
	if c.private, err = makePrivate(path, tempDir, away); err != nil {
		return nil, errors.Join(err, closeFile(file))
	}
	changes, err := c.private.create("catalog.ql")
	if err != nil {
		return nil, errors.Join(err, closeFile(file))
	}
	p := newPages(changes)
	c.db = &database{pages: p, failed: ErrClosed}
	if file != nil {
		// The one that is read, whatever takes its place meanwhile.
		if c.published, err = file.Stat(); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if !keep {
			file.Close()
		} else if err := p.lay(file); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	db, err := openDatabase(p, c.private.dir)
	if err != nil {
		return nil, err
	}
	c.db = db
	return c, db.migrate(p.base != nil)
}

// openFile opens nothing that might keep it waiting, as a pipe does.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is no regular file: move it away, and the next command makes a catalog from the manifests")
	}
	return os.Open(path)
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// Close throws away what was not published.
func (c *Catalog) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.private == nil {
		return nil
	}
	var released error
	if c.db != nil {
		released = c.db.release()
	}
	c.db = &database{failed: ErrClosed}
	removed := c.private.remove()
	c.private = nil
	return errors.Join(released, removed)
}

// update runs f in a transaction. After any error nothing of it is left.
func (c *Catalog) update(f func(tx *ql.TCtx) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.db.update(f)
}

// Snapshots lists what the catalog holds, newest first.
func (c *Catalog) Snapshots(ctx context.Context) ([]Snapshot, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all, err := c.db.findSnapshots(ctx)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	slices.SortFunc(all, newestFirst)
	return all, nil
}

// newestFirst orders by time; of one moment, the one absorbed last is newer.
func newestFirst(a, b Snapshot) int {
	if c := b.Started.Compare(a.Started); c != 0 {
		return c
	}
	return cmp.Compare(b.ID, a.ID)
}
