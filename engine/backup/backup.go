// Package backup makes snapshots: [Run] makes one of a source, [Adopt] turns trees
// that others put under the root into some.
//
// A run walks the source, with the manifest of the snapshot before read in step.
// What has not changed is linked to that snapshot, what the root holds under
// another path is linked to it there, and only the rest is copied. Once all is
// there, the snapshot is sealed by a rename, and the catalog is told.
//
// The package does not promise a consistent picture of a source that changes
// while it is read; a file that does is reported.
package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

var (
	// ErrNeedsName says that the source has no folder name to call its backup by.
	ErrNeedsName = errors.New("the root directory has no name of its own: choose one with --name, or in a script with link(…, name = …)")
	// ErrName says that a backup name cannot be a folder's.
	ErrName = store.ErrName
	// ErrInsideRoot says that the source lies inside of the backup root.
	ErrInsideRoot = errors.New("source lies inside of the backup root")
	// ErrUnsealed says that a backup was told to stop.
	ErrUnsealed = errors.New("nothing was sealed, the next run takes over what was copied")
)

// Run makes a snapshot of the source; a dry run returns the one that would
// be made, and counts it in from then on. With a source that could not be read in
// part, the snapshot is sealed and its Errors are counted.
func Run(ctx context.Context, repo *repository.Repository, source repository.Source) (_ *repository.Snapshot, err error) {
	r := &run{Repository: repo, match: source.Match, groups: map[inodeVersion]int64{}, plannedNames: map[walk.ID]int64{}}
	r.history = catalog.Run{Verb: "backup", Name: cmp.Or(source.Name, filepath.Base(source.Root))}
	defer func() { repo.NoteFailed(ctx, r.history, err) }()
	if r.match == "" {
		r.match = repo.Config.Match
	}
	if r.source, err = repository.Resolve(source.Root); err != nil {
		return nil, err
	}
	name := source.Name
	if name == "" {
		if name = filepath.Base(r.source); name == string(filepath.Separator) {
			return nil, ErrNeedsName
		}
	}
	if err := store.CheckName(name); err != nil {
		return nil, fmt.Errorf("%w; choose another with --name, or in a script with link(…, name = …)", err)
	}
	if err := source.Rules.Check(); err != nil {
		return nil, err
	}
	r.history.Name = name
	defer repo.Progress.Begin("backup " + name)()
	root, err := repo.RootToWrite()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if r.source == root.Path || strings.HasPrefix(r.source, root.Path+string(filepath.Separator)) {
		return nil, fmt.Errorf("%s: %w %s", r.source, ErrInsideRoot, root.Path)
	}
	var started time.Time
	if repo.Env.DryRun {
		started = repo.Env.Now()
		r.partial, err = r.plan(ctx, root, name, repo.Stamp(started))
	} else {
		lock, locked := root.LockName(ctx, name, repo.Owner(), repo.Env.Wait)
		if locked != nil {
			return nil, locked
		}
		defer lock.Unlock()
		r.lock = lock
		started = repo.Env.Now() // others may have been waited for
		r.history.Started = started
		r.partial, err = root.Begin(name, repo.Stamp(started))
	}
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	defer r.partial.Close()
	cat, err := repo.OpenCatalog(ctx, root)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	defer cat.Close()
	defer r.close()
	header := manifest.Header{
		Name: name, Source: r.source, Host: repo.Env.Host, Boot: repo.Env.Boot,
		Started: started, Match: string(r.match), Tags: source.Tags,
	}
	if err := r.prepare(ctx, root, cat, header); err != nil {
		return nil, r.explain(ctx, err)
	}
	if err := r.walk(ctx, root, source.Rules); err != nil {
		r.writer.Flush() // for the next run to take over
		r.writer.Abort()
		return nil, r.explain(ctx, err)
	}
	s, err := r.seal(ctx, root, cat, header)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	return repo.Shown(repository.NewSnapshot(root, *s)), nil
}

// seal makes the partial a snapshot and tells the catalog.
func (r *run) seal(ctx context.Context, root *store.Root, cat *catalog.Catalog, header manifest.Header) (*catalog.Snapshot, error) {
	r.Progress.Phase("seal " + r.partial.Ref.String())
	r.summary.Finished = r.Env.Now()
	if err := r.writer.Close(r.summary); err != nil {
		return nil, err
	}
	if err := r.partial.Manifest.Close(); err != nil {
		return nil, err
	}
	s := &catalog.Snapshot{Stamp: r.partial.Stamp, Header: header, Summary: r.summary}
	if r.Env.DryRun {
		r.Rehearsal.Add(r.partial, r.plannedNames)
		return s, nil
	}
	if err := errors.Join(r.logSummary(s), r.partial.Log.Close()); err != nil {
		r.Repository.Log.Warn("the log lacks its summary; the manifest has the numbers", "error", err)
	}
	// To note the changes takes a look at every row of the catalog, and to sync
	// takes the disk: neither waits for the other.
	var record sync.WaitGroup
	var failed error
	record.Go(func() { s.ID, failed = r.commit(ctx, s) })
	err := r.sealPartial(ctx, root)
	record.Wait()
	if err != nil {
		return nil, err
	}
	// From here on the snapshot is there, whatever becomes of the catalog.
	if failed == nil {
		failed = r.tell(ctx, root, cat, s)
	}
	if failed != nil {
		r.Repository.Log.Warn("the snapshot is sealed, but the catalog could not be brought up to date; the next command does it", "error", failed)
	}
	return s, nil
}

func (r *run) sealPartial(ctx context.Context, root *store.Root) error {
	if err := r.partial.Sync(); err != nil {
		return err
	}
	lock, err := root.LockSeal(ctx, r.Owner())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := r.lock.Held(); err != nil {
		return err
	}
	err = r.partial.Seal(ctx)
	var late *store.LateError
	if errors.As(err, &late) {
		r.Repository.Log.Warn("the snapshot is sealed, but not all is in order", "error", err)
		return nil
	}
	return err
}

// commit notes in the private copy of the catalog what has changed, and returns
// the snapshot's number there: 0 where the catalog does not hold what the run
// started from.
func (r *run) commit(ctx context.Context, s *catalog.Snapshot) (catalog.ID, error) {
	record := r.record
	if record == nil {
		return 0, nil
	}
	r.record = nil
	id, err := record.Commit(ctx, *s)
	if errors.Is(err, catalog.ErrBase) {
		err = nil
	}
	return id, err
}

// tell publishes the catalog, with the snapshot in it.
func (r *run) tell(ctx context.Context, root *store.Root, cat *catalog.Catalog, s *catalog.Snapshot) error {
	outcome := catalog.OK
	if s.Errors > 0 {
		outcome = catalog.Incomplete
	}
	done := r.Ended(r.history, outcome)
	done.Stamp = s.Stamp
	note := func(cat *catalog.Catalog) (err error) {
		if s.ID == 0 {
			s.ID, err = repository.NumberOf(ctx, cat, r.partial.Ref)
		}
		done.Snapshot = s.ID
		cat.NoteRun(done)
		return err
	}
	if s.ID == 0 {
		if _, err := r.CatchUp(ctx, root, cat); err != nil {
			return err
		}
	}
	if err := note(cat); err != nil {
		return err
	}
	return r.Publish(ctx, root, cat, func(again *catalog.Catalog) error {
		s.ID = 0 // it may have got another one there
		return note(again)
	})
}

// explain adds to an error of the root what the user should know.
func (r *run) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil && r.adopting == nil {
		return fmt.Errorf("%w: %w", ErrUnsealed, err)
	}
	if errors.Is(err, syscall.EMFILE) {
		return fmt.Errorf("nothing was sealed: allow more open files, as with ulimit -n, and run again: %w", err)
	}
	if store.IsFull(err) {
		return fmt.Errorf("no space left in %s after %s: nothing was sealed, free some and run again: %w",
			r.Config.BackupPath, humanize.IBytes(uint64(r.Progress.Bytes.Load())), err)
	}
	return err
}

// logSummary ends the snapshot's log.
func (r *run) logSummary(s *catalog.Snapshot) error {
	_, err := fmt.Fprintln(r.partial.Log, repository.Summarize(&s.Header, &s.Summary))
	return err
}
