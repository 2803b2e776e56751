package backup

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/config"
	"phlb/engine/content"
	"phlb/engine/known"
	"phlb/engine/losses"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// run is a backup or an adoption under way.
type run struct {
	*repository.Repository
	record    catalog.Run        // this run, for the record of runs
	source    string             // the absolute path of the source, without symbolic links
	sourceDir *walk.Dir          // the directory of the source, where that is a tree under the root; else nil
	match     config.Match       // what files must agree in to share an inode
	hash      manifest.Algorithm // of the digests
	isStage   bool               // whether another run follows that takes over from this one, see newestFirst
	onUnread  func(error)        // called with each error of the source; nil for nothing to call

	log       *slog.Logger // writes to the engine's log and to the log of the snapshot
	pathLog   *slog.Logger // hears of single paths: log, or the engine's log where the snapshot's log does not list paths
	logsPaths bool         // whether pathLog writes anything

	root    *store.Root
	lock    *store.Lock // the lock of the backup's name; nil in a dry run
	partial *store.Partial
	tree    tree

	parent       parent.Tree       // the newest snapshot of the name
	resumed      parent.Tree       // what a run that was cut off has left
	lastComplete *catalog.Snapshot // the newest complete snapshot of the name; nil for none, and where the source may have shrunk
	known        *known.Contents
	hardlinks    known.Hardlinks
	losses       losses.Tally // of metadata
	workers      []*content.Worker
	folders      sync.Map // every folder that is open, as a key

	room     sync.Once // guards madeRoom
	madeRoom bool      // whether giving up what resumed holds has freed room

	changes changes
	output  output
}

// changes are the differences from the parent, which the catalog will be told of. The
// goroutine that lists the source and the one that calls emit both add to them.
type changes struct {
	mu       sync.Mutex
	recorder *catalog.Recorder // nil where the catalog learns from the manifest instead
	broken   bool              // whether the parent's manifest turned out to be broken
}

// output is what emit writes. Only one goroutine calls emit.
type output struct {
	writer  *manifest.Writer
	splice  parent.Splice
	open    []*folder              // the folders that are not complete yet, each in the one before
	groups  map[inodeVersion]int64 // numbers of the inodes that have several names
	summary manifest.Summary
}

// prepare opens all that the run needs beside the partial. With withParent, files that
// have not changed since the newest snapshot of the name are linked to that snapshot
// unread, if its manifest can be read.
func (r *run) prepare(ctx context.Context, cat *catalog.Catalog, header manifest.Header, withParent bool) error {
	own := slog.NewTextHandler(r.partial.Log, &slog.HandlerOptions{Level: r.Config.LogLevel})
	r.log, r.pathLog = slog.New(slog.NewMultiHandler(r.Env.Log, own)), r.Repository.Log
	if r.isStage { // all is told of by what follows
		r.log, r.pathLog = slog.New(own), slog.New(own)
	}
	if r.Config.LogLevel <= slog.LevelDebug {
		r.pathLog = r.log
	}
	r.logsPaths = r.pathLog.Enabled(ctx, slog.LevelInfo)
	if err := r.IntroduceRun(ctx, cat, slog.New(own), &r.record, r.source); err != nil {
		return err
	}
	damaged, err := cat.Damaged(ctx)
	if err != nil {
		return err
	}
	r.known = known.In(known.Source{
		Root: r.root, Tree: r.partial.Tree, Host: r.Env.Host, Catalog: cat, Damaged: damaged, TempDir: r.Env.TempDir, Log: r.log,
	})
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return err
	}
	now := r.Env.Now()
	all = repository.AheadLast(all, now, repository.StartOf)
	before := repository.Newest(all, header.Name)
	if withParent {
		r.lastComplete = repository.Newest(slices.DeleteFunc(slices.Clone(all), func(s catalog.Snapshot) bool { return s.Errors > 0 }), header.Name)
	}
	r.partial.Older = before != nil && before.Started.After(header.Started) && !repository.IsAhead(before.Started, now)
	if i := slices.IndexFunc(all, func(s catalog.Snapshot) bool { return s.Name == header.Name && repository.IsAhead(s.Started, now) }); i >= 0 {
		r.log.Warn("a snapshot is dated ahead of the clock, and is not taken for the newest", "snapshot", all[i].Stamp, "started", all[i].Started)
	}
	if before != nil && withParent {
		if err := r.followParent(before); err != nil {
			r.log.Warn("the snapshot before cannot be used, everything is read again", "snapshot", before.Stamp, "error", err)
		}
	}
	if err := r.openResumed(ctx, cat, header); err != nil {
		return err
	}
	base := repository.LastAbsorbed(all, header.Name)
	if r.parent.Cursor == nil && base != 0 || r.parent.Cursor != nil && base != before.ID {
		// The catalog numbers snapshots as it gets to know them. Where that is
		// not the order of time, what changed is told by the manifest alone.
		r.changes.recorder = nil
	} else if r.changes.recorder, err = cat.Begin(ctx, header.Name, base); err != nil {
		return err
	}
	r.partial.Hash = header.Hash
	r.output.groups = map[inodeVersion]int64{}
	r.output.writer = manifest.NewWriter(r.partial.Manifest, header)
	r.output.splice.Writer = r.output.writer
	return nil
}

// openResumed opens what a run that was cut off has left in the partial, if there is
// anything.
func (r *run) openResumed(ctx context.Context, cat *catalog.Catalog, header manifest.Header) error {
	left := r.partial.Previous
	if left == nil {
		return nil
	}
	cursor, err := parent.New(left.Manifest, parent.MayBeCutOff, func(*manifest.Entry) error { return nil })
	if err != nil {
		return nil // the run was cut off before its first entry
	}
	// A verification that found a file rotten since has mended it in snapshots. The tree
	// that was left may hold the rotten file still.
	found, err := cat.FoundSince(ctx, cursor.Header.Started)
	if err != nil {
		cursor.Close()
		return err
	}
	r.resumed = parent.Tree{
		Cursor: cursor, Dir: left.Tree,
		OtherHost: cursor.Header.Host != header.Host,
		// What was written before a power loss may not have reached the disk, nor
		// what was written before the disk was pulled.
		Doubted: found || header.Boot == "" || cursor.Header.Boot != header.Boot || cursor.Header.Host != header.Host ||
			cursor.Header.Mount != header.Mount,
	}
	r.log.Info("taking over from a run that was cut off", "started", cursor.Header.Started)
	return nil
}

// followParent opens the parent, whose manifest is read in step with the walk.
func (r *run) followParent(before *catalog.Snapshot) (err error) {
	p := parent.Tree{Ref: store.Ref{Name: before.Name, Stamp: before.Stamp}}
	if p.Planned = r.Rehearsal.Holds(p.Ref); !p.Planned {
		if p.Dir, err = r.root.OpenSnapshot(p.Ref); err != nil {
			return err
		}
	}
	// A mark vouches for a file by its change time. It does not vouch for content that
	// was damaged since.
	var mode parent.Mode
	if r.Config.Unchanged.Has(config.Ctime) && !p.Planned && len(r.known.Damaged) == 0 {
		mode = parent.ByMarks
	}
	if p.Cursor, err = parent.Open(r.root, p.Ref, mode, r.end); err != nil {
		p.Close()
		return err
	}
	if p.OtherHost = p.Cursor.Header.Host != r.Env.Host; p.OtherHost {
		r.log.Info("another host made the snapshot before, everything is read again", "snapshot", before.Stamp, "host", p.Cursor.Header.Host)
	}
	if was := p.Cursor.Header.Hash; was != r.hash {
		r.log.Info("the snapshot before has digests by another algorithm: what is unchanged is read once, where it is stored",
			"snapshot", before.Stamp, "was", was, "is", r.hash)
	}
	r.parent = p
	r.Progress.TotalFiles.Store(before.Files)
	r.Progress.TotalBytes.Store(before.Bytes)
	return nil
}

// release closes the partial, and unlocks the name of the backup.
func (r *run) release() {
	if r.partial != nil {
		r.partial.Close()
	}
	if r.lock != nil {
		r.lock.Unlock()
	}
}

// close closes what prepare and walk have opened.
func (r *run) close() {
	r.folders.Range(func(t, _ any) bool {
		t.(*folder).close()
		return true
	})
	r.parent.Close()
	r.resumed.Cursor.Close() // the partial closes the tree
	if r.changes.recorder != nil {
		r.changes.recorder.Abort()
	}
	if r.known != nil {
		r.known.Close()
	}
}

// walk saves the source in the tree, and writes the manifest up to its last line.
func (r *run) walk(ctx context.Context, rules walk.Rules) error {
	self, err := r.root.Dir().Self()
	if err != nil {
		return err
	}
	rules.Exclude = append(rules.Exclude, known.IDOf(self))
	w := &walk.Walk{Root: r.source, Dir: r.sourceDir, Rules: rules, NamesLeft: r.logsPaths, Prepare: r.prepareBatch, Work: r.work}
	if r.sourceDir == nil && r.partial.Folds() {
		w.Rename = r.apart
	}
	for range w.WorkerCount() {
		r.workers = append(r.workers, content.NewWorker(r.hash))
	}
	flush := time.NewTicker(time.Second)
	defer flush.Stop()
	err = w.Run(ctx, func(b *walk.Batch) error {
		select {
		case <-flush.C: // so that the next run can take over most of this one if it is killed
			if err := r.output.writer.Flush(); err != nil {
				return err
			}
		default:
		}
		return r.emit(b)
	})
	if err != nil {
		return err
	}
	if err := r.finishTo(nil); err != nil {
		return err
	}
	if err := r.parent.Cursor.Rest(); err != nil {
		return err
	}
	r.checkParent()
	return r.output.splice.Release()
}

// checkParent looks whether the parent's manifest has turned out to be broken. The run
// then goes on without the parent, and the catalog learns from the new manifest, since
// nobody can tell which paths are gone.
func (r *run) checkParent() {
	err := r.parent.Cursor.Failed()
	if err == nil || r.changes.broken {
		return
	}
	broken, ok := errors.AsType[*parent.ManifestError](err)
	if ok && broken.Damaged() {
		r.log.Warn("the manifest of the snapshot before is broken, what it does not tell of is read again; move it away and run phlb add to make a new one", "error", err)
	} else {
		r.log.Warn("the manifest of the snapshot before could not be read, what it does not tell of is read again", "error", err)
	}
	r.changes.mu.Lock()
	defer r.changes.mu.Unlock()
	r.changes.broken = true
	if r.changes.recorder != nil {
		r.changes.recorder.Abort()
		r.changes.recorder = nil
	}
}
