// Package restore writes what a snapshot holds to a directory: [Run] does.
//
// Metadata come from the manifest, content from the snapshot's tree or, where that
// is damaged, from another snapshot that holds the same. The package does not
// promise a whole target after a kill: the same restore, run again, completes it.
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
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// Overwrite says what becomes of a path that the target has already. Where
// nothing but the content might differ, by the rule of rsync (kind, size, time,
// owner, mode and attributes agree), it is left alone in any case. A directory
// is never replaced by one: it keeps its own metadata, or gets the snapshot's.
type Overwrite string

// The rules for what is there already.
const (
	Never  Overwrite = "never"  // keep it; an empty directory gets the snapshot's metadata
	Newer  Overwrite = "newer"  // replace it where the snapshot's is of a later time
	Always Overwrite = "always" // replace it
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

// Restoration says what of a snapshot to restore, where to, and what may become
// of what lies there.
//
// The content of a whole snapshot lands in To, which is made if it is missing.
// A single Path lands as cp -a would put it: in To under its own name where To
// is a directory, else at To itself.
type Restoration struct {
	To   string
	Path string // one file or directory of the snapshot; "" for all of it

	// Include and Exclude are globs as in [walk.Rules], of paths as in the
	// snapshot also where Path is set; a directory stands for all that it holds,
	// and Exclude wins. Without Include, all is meant. Directories on the way to
	// what is meant are made, too.
	Include, Exclude []string

	Overwrite Overwrite
	// Delete removes from the directories that are restored what the snapshot
	// does not have there, as far as Include and Exclude mean it. Where it lacks
	// what could not be read, or its own source what was left out of it, nothing
	// is removed, and that is a problem.
	Delete bool
	Dry    bool // change nothing, but tell what would be done

	// Privileged restores devices, setuid and setgid bits of programs and their
	// capabilities from a root that is not of this host and user, too.
	Privileged bool
}

var (
	// ErrIntoRoot says that the target of a restore lies in the backup root.
	ErrIntoRoot = errors.New("target lies inside of the backup root, where nothing but snapshots may be: choose another")
	// ErrTarget says that the target of a restore is not a directory.
	ErrTarget = errors.New("target is not a directory")
	// ErrNoPath says that a snapshot does not hold what is to be restored.
	ErrNoPath = errors.New("holds no such path")
	// ErrDelete says that nothing may be deleted in a target.
	ErrDelete = errors.New("is too much to delete from: restore without delete, or into a directory of its own")
)

// restore is one under way.
type restore struct {
	*repository.Repository
	Restoration
	ctx       context.Context
	cancel    context.CancelCauseFunc
	root      *store.Root
	rootID    walk.ID
	snapshot  *repository.Snapshot
	tree      *walk.Dir // of the snapshot
	planned   bool      // which is not there
	foreign   bool      // the root is not of this host and user
	selection selection
	landing   *folder // that the base lands in
	as        string  // its name there, "." where it is the landing itself

	todo      chan *batch
	leftovers leftovers
	elsewhere elsewhere

	unknown *unknown // nil where all that is too much may be deleted

	mu     sync.Mutex
	result *Restored
	groups map[groupKey]*group
}

// Run writes a snapshot, or a part of it, into a directory: every path with
// its own metadata from the manifest, what was one inode as one, and content
// only if it is what the manifest says. What lies in the target is replaced in
// a single step or left alone, never written into, and no symbolic link in it
// is followed. A path that cannot be restored is reported; what concerns all of
// the target (no space, read-only, I/O) ends the restore with an error. After a
// kill, nothing half-made lies under a final name, but directories may lack
// their metadata: run again with [Newer] or [Always].
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
		r.tree, err = walk.OpenRoot(repo.Rehearsal.Dir) // where nothing of it is
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
	if err := r.land(kind); err != nil {
		return nil, err
	}
	defer r.landing.close()
	defer r.elsewhere.close()
	defer r.leftovers.close()
	r.keepUnknown()
	if r.used(kind) {
		if err := r.read(ctx, &finder{restore: r}); err != nil {
			return nil, err
		}
	}
	if err := r.run(ctx); err != nil {
		return nil, r.explain(err)
	}
	r.complete()
	return r.result, nil
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
			w := content.NewWorker()
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

// count changes the result.
func (r *restore) count(change func(*Restored)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.result)
}

// fail notes a path that is not what it should be.
func (r *restore) fail(path, what, format string, args ...any) {
	r.Progress.Errors.Add(1)
	r.count(func(done *Restored) {
		done.Errors++
		done.add(path, what, format, args...)
	})
}

// notKept reports metadata that the target cannot hold, or refuses, and lets other
// errors pass.
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

// complete sorts the problems.
func (r *restore) complete() {
	slices.SortStableFunc(r.result.Problems, func(a, b repository.Problem) int { return strings.Compare(a.Path, b.Path) })
}

// skip counts a path that the target keeps as it is.
func (r *restore) skip(path string) {
	r.count(func(done *Restored) { done.Skipped++ })
	r.Log.Info("skipped, the target has another", "path", path)
}
