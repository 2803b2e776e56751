package backup

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/config"
	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// run is a backup under way.
type run struct {
	*repository.Repository
	history catalog.Run  // what the catalog is told of it
	log     *slog.Logger // the engine's, and the snapshot's own
	naming  bool         // somebody wants to hear of paths
	source  string       // absolute, without symbolic links
	match   config.Match
	partial *store.Partial
	lock    *store.Lock // of the name
	writer  *manifest.Writer
	splice  parent.Splice
	known   *known

	recording sync.Mutex        // held while record is told, by the lister and the emitter
	record    *catalog.Recorder // nil where the catalog cannot be told of changes

	previous     *parent.Cursor // of the snapshot before; nil if there is none
	previousTree *store.Dir
	before       store.Ref      // of previous
	changed      sync.Map       // what was said to be changed inside a snapshot, see noteChanged
	broken       bool           // previous was, and told no more than what it held until there
	resumed      *parent.Cursor // of a run that was cut off
	resumedTree  *store.Dir
	rebooted     bool // since then, so that its files cannot be trusted unread
	room         sync.Once
	madeRoom     bool      // by giving up the run that was cut off
	noLink       sync.Once // that cannot be, said

	adopting *adoption // where the source is to be the snapshot itself, else nil

	planning     sync.Mutex        // guards plannedNames
	plannedNames map[walk.ID]int64 // that a dry run would give to inodes
	unread       bool              // the snapshot before is planned itself

	workers []*content.Worker
	links   links
	open    []*target // folders that are being filled, the root first
	targets sync.Map  // *target to nothing: all that have not been closed
	groups  map[inodeVersion]int64
	summary manifest.Summary
}

// prepare opens all that the run needs beside the partial.
func (r *run) prepare(ctx context.Context, root *store.Root, cat *catalog.Catalog, header manifest.Header) error {
	r.log = slog.New(slog.NewMultiHandler(r.Env.Log,
		slog.NewTextHandler(r.partial.Log, &slog.HandlerOptions{Level: r.Config.LogLevel})))
	r.naming = r.Repository.Log.Enabled(ctx, slog.LevelInfo)
	damaged, err := cat.Damaged(ctx)
	if err != nil {
		return err
	}
	r.known = newKnown(root, r.partial.Tree, cat, r.Env.TempDir, damaged)
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return err
	}
	now := r.Env.Now()
	all = repository.AheadLast(all, now, repository.StartOf)
	before := repository.Newest(all, header.Name)
	r.partial.Older = before != nil && before.Started.After(header.Started) && !repository.IsAhead(before.Started, now)
	if i := slices.IndexFunc(all, func(s catalog.Snapshot) bool { return s.Name == header.Name && repository.IsAhead(s.Started, now) }); i >= 0 {
		r.log.Warn("a snapshot is dated ahead of the clock, and is not taken for the newest", "snapshot", all[i].Stamp, "started", all[i].Started)
	}
	if before != nil && r.adopting == nil {
		if err := r.follow(root, before); err != nil {
			r.log.Warn("the snapshot before cannot be used, everything is read again", "snapshot", before.Stamp, "error", err)
		}
	}
	if p := r.partial.Previous; p != nil {
		if r.resumed, err = parent.New(p.Manifest, parent.MayBeCutOff, func(*manifest.Entry) error { return nil }); err == nil {
			r.resumedTree = p.Tree
			r.rebooted = header.Boot == "" || r.resumed.Header.Boot != header.Boot || r.resumed.Header.Host != header.Host
			r.log.Info("taking over from a run that was cut off", "started", r.resumed.Header.Started)
		}
	}
	base := repository.LastAbsorbed(all, header.Name)
	if r.previous == nil && base != 0 || r.previous != nil && base != before.ID {
		// The catalog numbers snapshots as it gets to know them. Where that is
		// not the order of time, what changed is told by the manifest alone.
		r.record = nil
	} else if r.record, err = cat.Begin(ctx, header.Name, base); err != nil {
		return err
	}
	r.writer = manifest.NewWriter(r.partial.Manifest, header)
	r.splice.Writer = r.writer
	return nil
}

// follow opens the snapshot before, to be merged with the walk.
func (r *run) follow(root *store.Root, before *catalog.Snapshot) error {
	ref := store.Ref{Name: before.Name, Stamp: before.Stamp}
	var tree *store.Dir
	if r.unread = r.Rehearsal.Holds(ref); !r.unread {
		var err error
		if tree, err = root.OpenSnapshot(ref); err != nil {
			return err
		}
	}
	// A mark vouches by the change time, and not for what was damaged since.
	var mode parent.Mode
	if r.Config.Unchanged.Has(config.Ctime) && !r.unread && len(r.known.damaged) == 0 {
		mode = parent.ByMarks
	}
	c, err := parent.Open(root, ref, mode, r.end)
	if err != nil {
		if tree != nil {
			tree.Close()
		}
		return err
	}
	r.previous, r.previousTree, r.before = c, tree, ref
	r.Progress.TotalFiles.Store(before.Files)
	r.Progress.TotalBytes.Store(before.Bytes)
	return nil
}

func (r *run) close() {
	r.targets.Range(func(t, _ any) bool {
		t.(*target).close()
		return true
	})
	r.previous.Close()
	r.resumed.Close()
	if r.previousTree != nil {
		r.previousTree.Close()
	}
	if r.record != nil {
		r.record.Abort()
	}
	if r.known != nil {
		r.known.close()
	}
}

// walk fills the partial's tree and writes the manifest up to its footer.
func (r *run) walk(ctx context.Context, root *store.Root, rules walk.Rules) error {
	self, err := root.Dir().Self()
	if err != nil {
		return err
	}
	rules.Exclude = append(rules.Exclude, walk.ID{Dev: self.Dev, Inode: self.Ino})
	defer r.countAhead(ctx, rules)()
	w := &walk.Walk{Root: r.source, Rules: rules, NamesLeft: r.naming, Prepare: r.prepareBatch, Work: r.work}
	for range w.WorkerCount() {
		r.workers = append(r.workers, content.NewWorker())
	}
	flush := time.NewTicker(time.Second)
	defer flush.Stop()
	err = w.Run(ctx, func(b *walk.Batch) error {
		select {
		case <-flush.C: // so that not much is lost to the next run if this one is killed
			if err := r.writer.Flush(); err != nil {
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
	if err := r.previous.Rest(); err != nil {
		return err
	}
	r.checkPrevious()
	return r.splice.Release()
}

// checkPrevious goes on without the snapshot before once its manifest turns out
// to be broken: a backup must stay possible. Which paths are no more cannot be
// told to the catalog then, it learns them from the new manifest.
func (r *run) checkPrevious() {
	err := r.previous.Failed()
	if err == nil || r.broken {
		return
	}
	r.broken = true
	r.log.Warn("the manifest of the snapshot before is broken, what it does not tell of is read again", "error", err)
	r.recording.Lock()
	defer r.recording.Unlock()
	if r.record != nil {
		r.record.Abort()
		r.record = nil
	}
}
