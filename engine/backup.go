package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"phlb/engine/catalog"
	"phlb/engine/config"
	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/parent"
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

// Backup makes a snapshot of the source; a dry run returns the one that would
// be made, and counts it in from then on. With a source that could not be read in
// part, the snapshot is sealed and its Errors are counted.
func Backup(ctx context.Context, repo *repository.Repository, source repository.Source) (_ *repository.Snapshot, err error) {
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

// links makes files that were one inode in the source one in the snapshot: who
// comes first stores it, the others wait and link to it.
type links struct {
	mu     sync.Mutex
	leader map[walk.ID]*leader
}

type leader struct {
	done  chan struct{}
	entry *manifest.Entry // as stored; nil where that failed
}

// follow returns the leader of an inode, and whether that is the caller.
func (l *links) follow(id walk.ID) (_ *leader, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.leader[id]; found != nil {
		return found, false
	}
	if l.leader == nil {
		l.leader = map[walk.ID]*leader{}
	}
	made := &leader{done: make(chan struct{})}
	l.leader[id] = made
	return made, true
}
