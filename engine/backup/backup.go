// Package backup makes snapshots: [Run] makes one of a source, [Adopt] makes some of
// trees that somebody has put under the root.
//
// A run walks the source and reads the manifest of the parent, the newest snapshot of
// the same name, in step. A file that has not changed is linked to the file of the
// parent, a file whose content the root holds under another path is linked to that one,
// and every other file is copied. In the end a rename seals the snapshot, and the
// catalog is told.
//
// The package does not promise a consistent picture of a source that changes while it
// is read. A file that changes while it is read is reported.
package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"

	"phlb/engine/catalog"
	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

var (
	// ErrNeedsName says that the source has no folder name to call its backup by.
	ErrNeedsName = errors.New("the root directory has no name of its own: choose one with --name, or in a script with link(…, name = …)")
	// ErrInsideRoot says that the source lies inside of the backup root.
	ErrInsideRoot = errors.New("source lies inside of the backup root")
	// ErrUnsealed says that a backup was told to stop.
	ErrUnsealed = errors.New("nothing was sealed, the next run takes over what was copied")
)

// Run makes a snapshot of the source. Where a part of the source could not be read, the
// snapshot is sealed all the same, and its Errors are counted. A dry run returns the
// snapshot that would be made; to later calls it is as if that snapshot was there.
func Run(ctx context.Context, repo *repository.Repository, source repository.Source) (_ *repository.Snapshot, err error) {
	r := &run{Repository: repo, match: cmp.Or(source.Match, repo.Config.Match)}
	if r.hash, err = repo.Algorithm(); err != nil {
		return nil, err
	}
	r.record = catalog.Run{Verb: "backup", Name: cmp.Or(source.Name, filepath.Base(source.Root))}
	defer func() { repo.NoteFailed(ctx, r.record, err) }()
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
	if err := manifest.CheckTags(source.Tags); err != nil {
		return nil, err
	}
	r.record.Name = name
	defer repo.Progress.Begin("backup " + name)()
	if r.root, err = repo.RootToWrite(); err != nil {
		return nil, r.explain(ctx, err)
	}
	defer r.root.Close()
	if r.source == r.root.Path || strings.HasPrefix(r.source, r.root.Path+string(filepath.Separator)) {
		return nil, fmt.Errorf("%s: %w %s", r.source, ErrInsideRoot, r.root.Path)
	}
	defer r.release()
	if err := r.lockName(ctx, name); err != nil {
		return nil, r.explain(ctx, err)
	}
	s, err := r.snapshot(ctx, source)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	return repo.Shown(repository.NewSnapshot(r.root, *s)), nil
}

// lockName locks the name, unless nothing is going to be changed.
func (r *run) lockName(ctx context.Context, name string) (err error) {
	if !r.Env.DryRun {
		r.lock, err = r.root.LockName(ctx, name, r.Owner(), r.Env.Wait)
	}
	r.record.Started = r.Env.Now() // the lock may have been waited for
	return err
}

// begin chooses the tree of the run, and creates the partial.
func (r *run) begin(ctx context.Context, name string) (err error) {
	if r.Env.DryRun {
		planned := &plannedTree{run: r}
		r.tree = planned
		r.partial, err = planned.planPartial(ctx, name, r.Stamp(r.record.Started))
		return err
	}
	r.tree = &partialTree{run: r}
	r.partial, err = r.root.Begin(name, r.Stamp(r.record.Started))
	return err
}

// snapshot saves the source in the partial, and seals it.
func (r *run) snapshot(ctx context.Context, source repository.Source) (*catalog.Snapshot, error) {
	cat, err := r.OpenCatalog(ctx, r.root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	if err := r.CheckSource(ctx, cat, source, r.record.Name, r.source); err != nil {
		return nil, err
	}
	before, err := r.newestFirst(ctx, cat, source)
	if err != nil {
		return nil, err
	}
	defer r.close()
	header, err := r.fill(ctx, cat, source)
	if err != nil {
		return nil, err
	}
	// What the stages have stored was found there by the last one.
	r.output.summary.New += before.files
	r.output.summary.NewBytes += before.bytes
	r.output.summary.Linked -= min(before.files, r.output.summary.Linked)
	return r.seal(ctx, cat, header)
}

// fill starts a partial, and brings the source into it. Where that fails, the next run
// takes over what is there.
func (r *run) fill(ctx context.Context, cat *catalog.Catalog, source repository.Source) (header manifest.Header, err error) {
	if err := r.begin(ctx, r.record.Name); err != nil {
		return header, err
	}
	header = manifest.Header{
		Name: r.record.Name, Stamp: r.partial.Stamp, Source: r.source, Host: r.Env.Host, Boot: r.Env.Boot, Mount: r.root.Mount(),
		Started: r.record.Started, Match: string(r.match), Hash: r.hash, Tags: source.Tags,
	}
	if err := r.prepare(ctx, cat, header, true); err != nil {
		return header, err
	}
	if source.AcceptShrink {
		r.lastComplete = nil
	}
	stop := func() {}
	if r.parent.Cursor == nil && !r.isStage {
		stop = r.CountAhead(ctx, r.source, source.Rules)
	}
	err = r.walk(ctx, source.Rules)
	stop()
	if err != nil {
		r.output.writer.Flush() // for the next run to take over
		r.output.writer.Abort()
	}
	return header, err
}

// explain adds to an error of the root what the user should know.
func (r *run) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrUnsealed, err)
	}
	return r.explainRoot(err)
}

// explainRoot is explain for a run that was not told to stop.
func (r *run) explainRoot(err error) error {
	if content.TooManyFiles(err) {
		return fmt.Errorf("nothing was sealed: %w: %w", repository.ErrOpenFiles, err)
	}
	if at := r.FullAt(err, r.Config.BackupPath); at != "" {
		return fmt.Errorf("no space left in %s after %s: nothing was sealed, free some and run again: %w",
			at, humanize.IBytes(uint64(r.Progress.Bytes.Load())), err)
	}
	return err
}

// rootIsFull reports whether err says that the root has no room left.
func (r *run) rootIsFull(err error) bool {
	return r.FullAt(err, r.Config.BackupPath) == r.Config.BackupPath
}
