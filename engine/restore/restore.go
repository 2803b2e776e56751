// Package restore writes a snapshot, or a part of it, into a directory: [Run] does.
//
// Metadata come from the manifest. Content comes from the tree of the snapshot or, where
// a file there is damaged, from another file of the same content. The package does not
// promise a complete target after a kill: the same restore, run again, completes it.
package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// Overwrite says what becomes of a path that is in the target already. A path whose kind,
// size, time, owner, mode and attributes are those of the snapshot is left alone in any
// case, as rsync does. A directory is never replaced by a directory: it keeps its
// metadata, or gets those of the snapshot.
type Overwrite string

// The rules for paths that are in the target already.
const (
	Never  Overwrite = "never"  // keep the path; an empty directory gets the metadata of the snapshot
	Newer  Overwrite = "newer"  // replace the path if the snapshot has one of a later time
	Always Overwrite = "always" // replace the path
)

// ParseOverwrite reads a rule; "" is [Never].
func ParseOverwrite(text string) (Overwrite, error) {
	switch o := Overwrite(text); o {
	case "":
		return Never, nil
	case Never, Newer, Always:
		return o, nil
	}
	return "", fmt.Errorf("overwrite is %q, want never, newer or always", text)
}

// Restoration says which paths of a snapshot to restore, where to, and what may become of
// files that lie there.
//
// A whole snapshot is restored into To, which is made if it is missing. A single Path is
// put where cp -a would put it: into To under its own name where To is a directory, else
// at To itself.
type Restoration struct {
	To   string
	Path string // one file or directory of the snapshot; "" for all of it

	// Include and Exclude are globs as in [walk.Rules]. They are matched with paths that
	// begin at the top of the snapshot, also where Path is set. A directory that matches
	// stands for all that it holds, and Exclude wins. Without Include, everything is
	// selected. Directories that lead to a selected path are made, too.
	Include, Exclude []string

	Overwrite Overwrite
	// Delete removes paths that the snapshot does not have from the directories that are
	// restored, if Include and Exclude select them. Nothing is removed, and a problem is
	// reported, where the snapshot lacks paths that could not be read, and where the target
	// is the source of the snapshot and the rules of the backup left out paths of it. The
	// source that a root of others names is not looked at, and may be the target.
	Delete bool
	Dry    bool // change nothing, but tell what would be done

	// Privileged trusts a root that is not of this host and user: devices, setuid and setgid
	// bits and capabilities are restored from it, too, and the source is looked at that it
	// names.
	Privileged bool
}

var (
	// ErrIntoRoot says that the target of a restore lies in the backup root.
	ErrIntoRoot = errors.New("target lies inside of the backup root, where nothing but snapshots may be: choose another")
	// ErrTarget says that the target of a restore is not a directory.
	ErrTarget = errors.New("target is not a directory")
	// ErrNoPath says that a snapshot does not hold what is to be restored.
	ErrNoPath = errors.New("holds no such path")
	// ErrDelete says that the target is a directory in which nothing may be deleted, such as
	// the home directory.
	ErrDelete = errors.New("is too much to delete from: restore without delete, or into a directory of its own")
)

// restore is a restore under way.
type restore struct {
	*repository.Repository
	Restoration
	ctx       context.Context
	cancel    context.CancelCauseFunc
	root      *store.Root
	rootID    walk.ID
	snapshot  *repository.Snapshot
	tree      *walk.Dir // of the snapshot
	planned   bool      // whether a dry run would have made the snapshot: there is no tree
	foreign   bool      // whether the root is not of this host and user
	selection selection
	landing   *folder // the directory of the target that the base is restored into
	baseName  string  // the name of the base in landing; "." where the base is landing itself

	todo        chan *batch
	leftovers   leftovers
	otherCopies otherCopies
	keepsExtra  *keepReason // why nothing is deleted; nil where Delete may

	mu     sync.Mutex
	result *Restored
	groups map[groupKey]*group
}

// Run writes a snapshot, or a part of it, into a directory. Every path gets its own
// metadata from the manifest, paths that were one inode become one inode, and a file is
// only restored with the content that the manifest says. A path in the target is replaced
// in a single step or left alone. No file there is written into, and no symbolic link is
// followed. A path that cannot be restored is reported. An error of the whole target (no
// space, read-only, I/O) ends the restore. After a kill, no incomplete file has its final
// name, but directories may lack their metadata: run again with [Newer] or [Always].
func Run(ctx context.Context, repo *repository.Repository, s *repository.Snapshot, o Restoration) (_ *Restored, err error) {
	r := &restore{
		Repository: repo, Restoration: o, snapshot: s,
		groups: map[groupKey]*group{},
		result: &Restored{Snapshot: s},
	}
	r.Dry = o.Dry || repo.DryRun()
	r.result.Dry = r.Dry
	defer func() {
		if err != nil {
			err = fmt.Errorf("restore %s: %w", s.Ref(), err)
		}
	}()
	if r.Overwrite, err = ParseOverwrite(string(o.Overwrite)); err != nil {
		return nil, err
	}
	if r.selection, err = newSelection(&o); err != nil {
		return nil, err
	}
	if r.root, err = repo.OpenRoot(); err != nil {
		return nil, err
	}
	defer r.root.Close()
	self, err := r.root.Dir().Self()
	if err != nil {
		return nil, err
	}
	r.rootID = walk.ID{Dev: self.Dev, Inode: self.Ino}
	if r.planned = repo.Planned(s); r.planned {
		r.tree, err = walk.OpenRoot(repo.Rehearsal.Dir) // a folder without any file of the snapshot
	} else {
		r.tree, err = openTree(r.root, s.Ref())
	}
	if err != nil {
		return nil, err
	}
	defer r.tree.Close()
	if r.foreign, err = r.isForeign(); err != nil {
		return nil, err
	}
	defer repo.Progress.Begin("restore " + s.Ref().String())()
	kind, err := r.survey(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.openTarget(kind); err != nil {
		return nil, err
	}
	defer r.landing.close()
	defer r.otherCopies.close()
	defer r.leftovers.close()
	r.checkDelete()
	if r.isPopulated(kind) {
		if err := r.read(ctx, &groupFinder{restore: r}); err != nil {
			return nil, err
		}
	}
	err = r.explain(r.run(ctx))
	r.result.BrokenOff = err != nil
	r.sortProblems()
	return r.result, err
}

// explain adds to an error of the target what the user should know.
func (r *restore) explain(err error) error {
	if at := r.FullAt(err, r.result.To); at != "" {
		return fmt.Errorf("no space left in %s after %s: what is restored is whole, free some and run again with overwrite newer: %w",
			at, humanize.IBytes(uint64(r.result.Bytes)), err)
	}
	return err
}

// run reads the manifest and has workers make what it lists.
func (r *restore) run(ctx context.Context) error {
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	defer r.cancel(nil)
	const workers = 4
	r.todo = make(chan *batch, 4*workers)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			w := content.NewWorker(manifest.SHA256) // see copyFrom
			for b := range r.todo {
				r.work(w, b)
			}
		})
	}
	err := r.read(r.ctx, r)
	close(r.todo)
	running.Wait()
	if err == nil {
		err = context.Cause(r.ctx)
	}
	return err
}

// count changes the result, in one step.
func (r *restore) count(change func(*Restored)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.result)
}

// fail reports a path that could not be restored as it should be.
func (r *restore) fail(path, what, format string, args ...any) {
	r.Progress.Errors.Add(1)
	r.count(func(done *Restored) {
		done.Errors++
		done.add(path, what, format, args...)
	})
}

// notKept reports the metadata that err says the target does not keep, and returns every
// other error.
func (r *restore) notKept(path string, err error) error {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, err := range all {
		kept, ok := errors.AsType[*store.NotKept](err)
		if !ok {
			return err
		}
		r.fail(path, Inexact, "%s: %v", kept.What, kept.Err)
	}
	return nil
}

// sortProblems sorts the problems by path.
func (r *restore) sortProblems() {
	slices.SortStableFunc(r.result.Problems, func(a, b repository.Problem) int { return strings.Compare(a.Path, b.Path) })
}

// skip counts a path that the target keeps as it is.
func (r *restore) skip(path string) {
	r.count(func(done *Restored) { done.Skipped++ })
	r.Log.Info("skipped, the target has another", "path", path)
}
