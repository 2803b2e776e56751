// Package engine is the face of the backup repository: [Engine.Backup] makes a
// snapshot, [Engine.Verify] checks one, [Engine.Restore] brings back what it
// holds, [Engine.Adopt] takes trees that others put under the root, and short
// questions such as [Engine.Find], [Engine.Versions] and [Engine.Stat] are
// answered from what the root holds.
//
// Most callers [Open] an Engine with a configuration and call its verbs one
// after the other:
//
//	e := engine.Open(config, environment)
//	snapshot, err := e.Backup(ctx, engine.Source{Root: "/home/ann"})
//
// What goes wrong with one entry of a source is logged and counted in the
// summary; what goes wrong with the root ends the verb with an error, and nothing
// is sealed. A verb does not promise a consistent picture of a source that
// changes while it is read; a file that does is reported.
package engine

import (
	"context"
	"io"
	"iter"

	"phlb/engine/archive"
	"phlb/engine/backup"
	"phlb/engine/config"
	"phlb/engine/diff"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/restore"
	"phlb/engine/store"
	"phlb/engine/verify"
	"phlb/engine/walk"
)

// Engine works on one backup root. Its methods may be called one after the
// other.
type Engine struct {
	Config   *config.Config
	Progress *repository.Progress // of the verb under way, to be read at any time

	repo *repository.Repository
}

// Open returns an engine for the configured root, which need not exist yet.
func Open(c *config.Config, env repository.Environment) *Engine {
	return of(repository.Open(c, env))
}

func of(repo *repository.Repository) *Engine {
	return &Engine{Config: repo.Config, Progress: &repo.Progress, repo: repo}
}

// Another returns an engine for the same root, whose methods may be called while those
// of e are.
func (e *Engine) Another() *Engine { return of(e.repo.Another()) }

// Close ends a dry run: it deletes what the dry run has kept, which is nothing
// in the backup root. An engine that changes things need not be closed.
func (e *Engine) Close() error { return e.repo.Close() }

// DryRun reports whether nothing is to be changed.
func (e *Engine) DryRun() bool { return e.repo.DryRun() }

// Expand returns the path with a leading ~ replaced by the home directory.
func (e *Engine) Expand(path string) string { return e.repo.Expand(path) }

// IsSource reports whether there is a directory at path.
func (e *Engine) IsSource(path string) bool {
	done, err := e.repo.OpenSource(&walk.Walk{}, path)
	if err == nil {
		done()
	}
	return err == nil
}

// Backup makes a snapshot of the source, see [backup.Run].
func (e *Engine) Backup(ctx context.Context, source repository.Source) (*repository.Snapshot, error) {
	return backup.Run(ctx, e.repo, source)
}

// Adopt makes the catalog agree with the root, see [backup.Adopt].
func (e *Engine) Adopt(ctx context.Context, path string) (*repository.Report, error) {
	return backup.Adopt(ctx, e.repo, path)
}

// Verify holds a snapshot against its manifest, see [verify.Run].
func (e *Engine) Verify(ctx context.Context, s *repository.Snapshot, c verify.Check) (*repository.Report, error) {
	return verify.Run(ctx, e.repo, s, c)
}

// Restore writes what a snapshot holds to a directory, see [restore.Run].
func (e *Engine) Restore(ctx context.Context, s *repository.Snapshot, o restore.Restoration) (*restore.Restored, error) {
	return restore.Run(ctx, e.repo, s, o)
}

// OpenFile opens a regular file of a snapshot, of which entry is the entry, see
// [archive.Open].
func (e *Engine) OpenFile(ctx context.Context, s *repository.Snapshot, entry *manifest.Entry) (*archive.Content, error) {
	return archive.Open(ctx, e.repo, s, entry)
}

// Archive writes a folder of a snapshot, or a part of it, as an archive, see
// [archive.Write].
func (e *Engine) Archive(ctx context.Context, s *repository.Snapshot, what archive.Selection, format archive.Format, to io.Writer) error {
	return archive.Write(ctx, e.repo, s, what, format, to)
}

// Diff returns what changed from snapshot a to b, see [diff.Snapshots].
func (e *Engine) Diff(ctx context.Context, a, b *repository.Snapshot) ([]diff.Change, error) {
	return diff.Snapshots(ctx, e.repo, a, b)
}

// DiffSource returns what changed from a snapshot to a source as it is now, see
// [diff.Source].
func (e *Engine) DiffSource(ctx context.Context, s *repository.Snapshot, source repository.Source, content bool) (changes []diff.Change, unread int64, err error) {
	return diff.Source(ctx, e.repo, s, source, content)
}

// Scan walks the source and yields its entries, see [repository.Repository.Scan].
func (e *Engine) Scan(ctx context.Context, source repository.Source, counts *repository.Counts) iter.Seq2[*walk.Entry, error] {
	return e.repo.Scan(ctx, source, counts)
}

// Snapshots returns the sealed snapshots, newest first: of one name, or with ""
// of all. A root that does not exist yet has none.
func (e *Engine) Snapshots(ctx context.Context, name string) ([]*repository.Snapshot, error) {
	return e.repo.Snapshots(ctx, name)
}

// Snapshot returns the snapshot that text names, see
// [repository.Repository.Snapshot] for the ways to name one.
func (e *Engine) Snapshot(ctx context.Context, text string) (*repository.Snapshot, error) {
	return e.repo.Snapshot(ctx, text)
}

// Locate returns the snapshot and the path in it that SNAPSHOT:PATH names, see
// [repository.Repository.Locate].
func (e *Engine) Locate(ctx context.Context, text string) (s *repository.Snapshot, path string, err error) {
	return e.repo.Locate(ctx, text)
}

// Planned reports whether the snapshot is one that a dry run would have made:
// it can be listed, compared and removed, but there is nothing to read.
func (e *Engine) Planned(s *repository.Snapshot) bool { return e.repo.Planned(s) }

// Doctor looks for what is wrong with the root, see [repository.Repository.Doctor].
func (e *Engine) Doctor(ctx context.Context) ([]repository.Finding, error) { return e.repo.Doctor(ctx) }

// Share opens the root to a group, see [repository.Repository.Share].
func (e *Engine) Share(gid uint32) error { return e.repo.Share(gid) }

// Locks returns the locks of the root that are held, or were left by processes
// that are gone. Of those on this machine it can tell which.
func (e *Engine) Locks() ([]store.Held, error) { return e.repo.Locks() }

// Unlock breaks locks of the root, see [repository.Repository.Unlock].
func (e *Engine) Unlock(ctx context.Context, name string, force bool) ([]store.Held, error) {
	return e.repo.Unlock(ctx, name, force)
}
