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
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// run is a backup or an adoption under way.
type run struct {
	*repository.Repository
	history catalog.Run  // what the record of runs will hold of this one
	log     *slog.Logger // writes to whoever listens to the engine, and to the snapshot's own log
	paths   *slog.Logger // hears of single paths: log where that is to have them, else whoever listens
	naming  bool         // whether somebody wants to hear of these
	source  string       // the absolute path of the source, without symbolic links
	opened  *walk.Dir    // the directory of the source, where that is a tree under the root; else nil
	match   config.Match

	root    *store.Root
	lock    *store.Lock // the lock of the backup's name; nil in a dry run
	partial *store.Partial
	tree    tree
	unread  func(error) // hears of each error of the source; nil if nobody wants to

	complete *catalog.Snapshot // the newest complete snapshot of the name; nil for none, and where the source may have shrunk
	previous earlier           // the newest snapshot of the name
	resumed  earlier           // what a run that was cut off has left
	known    *known.Contents
	changed  sync.Map          // the inodes and paths that noteChanged has warned of
	losses   repository.Losses // metadata that could not be kept or read
	hashed   sync.Map          // the digest of each inode under the root that this run has read, see holds
	room     sync.Once         // guards madeRoom
	madeRoom bool              // whether giving up what is resumed has freed room
	links    links
	workers  []*content.Worker
	targets  sync.Map // every target that is not closed yet, as a key

	changes changes // what the catalog will be told
	output  output
}

// changes are what the catalog will be told of the run. The lister and the
// emitter both add to them.
type changes struct {
	mu       sync.Mutex
	recorder *catalog.Recorder // nil where the catalog learns from the manifest instead
	broken   bool              // whether the parent's manifest turned out to be broken
}

// output is what the emitter writes, which takes the batches in order.
type output struct {
	writer  *manifest.Writer
	splice  parent.Splice
	open    []*target              // the folders that are not full yet, the top first
	groups  map[inodeVersion]int64 // numbers of the inodes that have several names
	summary manifest.Summary
}

// prepare opens all that the run needs beside the partial. With follow, what has
// not changed since the newest snapshot of the name is linked to that one, unread,
// if that snapshot can be read.
func (r *run) prepare(ctx context.Context, cat *catalog.Catalog, header manifest.Header, follow bool) error {
	own := slog.NewTextHandler(r.partial.Log, &slog.HandlerOptions{Level: r.Config.LogLevel})
	r.log, r.paths = slog.New(slog.NewMultiHandler(r.Env.Log, own)), r.Repository.Log
	if r.Config.LogLevel <= slog.LevelDebug {
		r.paths = r.log
	}
	r.naming = r.paths.Enabled(ctx, slog.LevelInfo)
	if err := r.introduce(ctx, cat, slog.New(own)); err != nil {
		return err
	}
	damaged, err := cat.Damaged(ctx)
	if err != nil {
		return err
	}
	r.known = known.In(known.Source{
		Root: r.root, Tree: r.partial.Tree, Host: r.Env.Host, Catalog: cat, Damaged: damaged, TempDir: r.Env.TempDir,
	})
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return err
	}
	now := r.Env.Now()
	all = repository.AheadLast(all, now, repository.StartOf)
	before := repository.Newest(all, header.Name)
	if follow {
		r.complete = repository.Newest(slices.DeleteFunc(slices.Clone(all), func(s catalog.Snapshot) bool { return s.Errors > 0 }), header.Name)
	}
	r.partial.Older = before != nil && before.Started.After(header.Started) && !repository.IsAhead(before.Started, now)
	if i := slices.IndexFunc(all, func(s catalog.Snapshot) bool { return s.Name == header.Name && repository.IsAhead(s.Started, now) }); i >= 0 {
		r.log.Warn("a snapshot is dated ahead of the clock, and is not taken for the newest", "snapshot", all[i].Stamp, "started", all[i].Started)
	}
	if before != nil && follow {
		if err := r.follow(before); err != nil {
			r.log.Warn("the snapshot before cannot be used, everything is read again", "snapshot", before.Stamp, "error", err)
		}
	}
	if err := r.takeOver(ctx, cat, header); err != nil {
		return err
	}
	base := repository.LastAbsorbed(all, header.Name)
	if r.previous.cursor == nil && base != 0 || r.previous.cursor != nil && base != before.ID {
		// The catalog numbers snapshots as it gets to know them. Where that is
		// not the order of time, what changed is told by the manifest alone.
		r.changes.recorder = nil
	} else if r.changes.recorder, err = cat.Begin(ctx, header.Name, base); err != nil {
		return err
	}
	r.output.groups = map[inodeVersion]int64{}
	r.output.writer = manifest.NewWriter(r.partial.Manifest, header)
	r.output.splice.Writer = r.output.writer
	return nil
}

// takeOver opens what a run that was cut off has left, if there is anything.
func (r *run) takeOver(ctx context.Context, cat *catalog.Catalog, header manifest.Header) error {
	left := r.partial.Previous
	if left == nil {
		return nil
	}
	cursor, err := parent.New(left.Manifest, parent.MayBeCutOff, func(*manifest.Entry) error { return nil })
	if err != nil {
		return nil // it had not come to its first entry
	}
	// A file that was found rotten since, and was mended where it was found, may be
	// linked to there.
	found, err := cat.FoundSince(ctx, cursor.Header.Started)
	if err != nil {
		cursor.Close()
		return err
	}
	r.resumed = earlier{
		cursor: cursor, tree: left.Tree,
		stranger: cursor.Header.Host != header.Host,
		// What was written before a power loss may not have reached the disk, nor
		// what was written before the disk was pulled.
		doubted: found || header.Boot == "" || cursor.Header.Boot != header.Boot || cursor.Header.Host != header.Host ||
			cursor.Header.Mount != header.Mount,
	}
	r.log.Info("taking over from a run that was cut off", "started", cursor.Header.Started)
	return nil
}

// follow opens the snapshot before, to be read in step with the walk.
func (r *run) follow(before *catalog.Snapshot) (err error) {
	p := earlier{ref: store.Ref{Name: before.Name, Stamp: before.Stamp}}
	if p.planned = r.Rehearsal.Holds(p.ref); !p.planned {
		if p.tree, err = r.root.OpenSnapshot(p.ref); err != nil {
			return err
		}
	}
	// A mark vouches by the change time, and not for what was damaged since.
	var mode parent.Mode
	if r.Config.Unchanged.Has(config.Ctime) && !p.planned && len(r.known.Damaged) == 0 {
		mode = parent.ByMarks
	}
	if p.cursor, err = parent.Open(r.root, p.ref, mode, r.end); err != nil {
		p.close()
		return err
	}
	if p.stranger = p.cursor.Header.Host != r.Env.Host; p.stranger {
		r.log.Info("another host made the snapshot before, everything is read again", "snapshot", before.Stamp, "host", p.cursor.Header.Host)
	}
	r.previous = p
	r.Progress.TotalFiles.Store(before.Files)
	r.Progress.TotalBytes.Store(before.Bytes)
	return nil
}

// letGo closes the partial, and unlocks its name.
func (r *run) letGo() {
	if r.partial != nil {
		r.partial.Close()
	}
	if r.lock != nil {
		r.lock.Unlock()
	}
}

// close lets go of what prepare and walk have opened.
func (r *run) close() {
	r.targets.Range(func(t, _ any) bool {
		t.(*target).close()
		return true
	})
	r.previous.close()
	r.resumed.cursor.Close() // the tree is the partial's to close
	if r.changes.recorder != nil {
		r.changes.recorder.Abort()
	}
	if r.known != nil {
		r.known.Close()
	}
}

// walk brings the source into the tree, and writes the manifest up to its last
// line.
func (r *run) walk(ctx context.Context, rules walk.Rules) error {
	self, err := r.root.Dir().Self()
	if err != nil {
		return err
	}
	rules.Exclude = append(rules.Exclude, idOf(self))
	w := &walk.Walk{Root: r.source, Dir: r.opened, Rules: rules, NamesLeft: r.naming, Prepare: r.prepareBatch, Work: r.work}
	for range w.WorkerCount() {
		r.workers = append(r.workers, content.NewWorker())
	}
	flush := time.NewTicker(time.Second)
	defer flush.Stop()
	err = w.Run(ctx, func(b *walk.Batch) error {
		select {
		case <-flush.C: // so that the next run can take over most of it if this one is killed
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
	if err := r.previous.cursor.Rest(); err != nil {
		return err
	}
	r.checkPrevious()
	return r.output.splice.Release()
}

// checkPrevious goes on without the snapshot before once its manifest turns out
// to be broken, for a backup must stay possible. The catalog learns from the new
// manifest then, since nobody can tell which paths are no more.
func (r *run) checkPrevious() {
	err := r.previous.cursor.Failed()
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
