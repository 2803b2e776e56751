// Package diff tells what has changed: [Snapshots] between two snapshots, from
// their manifests alone, and [Source] between a snapshot and its source as it is
// now.
package diff

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// How a path differs between two states.
const (
	Added    = "added"
	Removed  = "removed"
	Changed  = "changed"  // other content, target or kind
	Moved    = "moved"    // the content is under another path now
	Metadata = "metadata" // mode, owner, time or attributes alone
)

// Change is a path that is not the same in two states of a tree.
type Change struct {
	What   string
	Path   string
	From   string          // of what was moved: the path before
	Old    *manifest.Entry // nil for what was added
	New    *manifest.Entry // nil for what was removed
	Detail string          // what differs, in words
}

// comparison collects changes.
type comparison struct {
	mu      sync.Mutex
	changes []Change
}

func (c *comparison) add(change Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes = append(c.changes, change)
}

func (c *comparison) added(e *manifest.Entry) {
	kept := *e
	c.add(Change{What: Added, Path: e.Path, New: &kept})
}

func (c *comparison) removed(e *manifest.Entry) error {
	kept := *e
	c.add(Change{What: Removed, Path: e.Path, Old: &kept})
	return nil
}

// both takes a path that is in both states.
func (c *comparison) both(old, new *manifest.Entry) {
	what, detail := Between(old, new)
	if what == "" {
		return
	}
	before, after := *old, *new
	c.add(Change{What: what, Path: new.Path, Old: &before, New: &after, Detail: detail})
}

// Between says what two entries of a path do not agree in: [Changed] or
// [Metadata], and how, and "" where they agree. The time of a directory moves with
// what it holds, and is no change of its own.
func Between(old, new *manifest.Entry) (what, detail string) {
	switch {
	case old.Kind != new.Kind:
		return Changed, fmt.Sprintf("was a %v, is a %v", old.Kind, new.Kind)
	case !manifest.SameContent(old, new):
		return Changed, otherContent(old, new)
	case old.Target != new.Target:
		return Changed, fmt.Sprintf("led to %q, leads to %q", old.Target, new.Target)
	case old.Major != new.Major || old.Minor != new.Minor:
		return Changed, fmt.Sprintf("device %d:%d → %d:%d", old.Major, old.Minor, new.Major, new.Minor)
	}
	var parts []string
	if old.Mode != new.Mode {
		parts = append(parts, fmt.Sprintf("mode %04o → %04o", old.Mode, new.Mode))
	}
	if old.UID != new.UID || old.GID != new.GID {
		parts = append(parts, fmt.Sprintf("owner %d:%d → %d:%d", old.UID, old.GID, new.UID, new.GID))
	}
	if !manifest.SameXattrs(old.Xattrs, new.Xattrs) {
		parts = append(parts, "attributes")
	}
	if old.Kind != manifest.Dir && old.Mtime != new.Mtime {
		parts = append(parts, "time")
	}
	if len(parts) == 0 {
		return "", ""
	}
	return Metadata, strings.Join(parts, ", ")
}

// otherContent says how two files do not have the same content, as far as that is known.
func otherContent(old, new *manifest.Entry) string {
	before, now := old.Digest.Algorithm(), new.Digest.Algorithm()
	switch {
	case old.Size != new.Size:
	case new.Digest == manifest.Digest{}:
		return "time, and perhaps content, which was not read"
	case before != now:
		return fmt.Sprintf("time, and perhaps content, of which one has the %v and the other the %v", before, now)
	}
	return fmt.Sprintf("%d → %s", old.Size, repository.Bytes(new.Size))
}

// result pairs what was removed with what was added of the same content, and
// sorts by path.
func (c *comparison) result() []Change {
	hasContent := func(e *manifest.Entry) bool { return e != nil && e.Kind == manifest.File && e.Size > 0 }
	gone := map[manifest.Digest][]int{}
	for i, change := range c.changes {
		if change.What == Removed && hasContent(change.Old) {
			gone[change.Old.Digest] = append(gone[change.Old.Digest], i)
		}
	}
	taken := map[int]bool{}
	for i := range c.changes {
		change := &c.changes[i]
		if change.What != Added || !hasContent(change.New) {
			continue
		}
		if from := gone[change.New.Digest]; len(from) > 0 {
			gone[change.New.Digest] = from[1:]
			taken[from[0]] = true
			old := c.changes[from[0]].Old
			*change = Change{What: Moved, Path: change.Path, From: old.Path, Old: old, New: change.New, Detail: "from " + old.Path}
		}
	}
	left := make([]Change, 0, len(c.changes)-len(taken))
	for i, change := range c.changes {
		if !taken[i] {
			left = append(left, change)
		}
	}
	slices.SortFunc(left, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return left
}

// Snapshots returns what changed from snapshot a to b, by path, from their manifests
// alone. A file whose content went to another path is told once, as moved.
func Snapshots(ctx context.Context, repo *repository.Repository, a, b *repository.Snapshot) ([]Change, error) {
	root, err := repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var c comparison
	if err := c.merge(ctx, root, a.Ref(), b.Ref()); err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	return c.result(), nil
}

// merge reads two manifests alongside, which have the same order.
func (c *comparison) merge(ctx context.Context, root *store.Root, a, b store.Ref) error {
	old, err := parent.Open(root, a, 0, c.removed)
	if err != nil {
		return err
	}
	defer old.Close()
	new, err := parent.Open(root, b, 0, nil)
	if err != nil {
		return err
	}
	defer new.Close()
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		before, after := old.Peek(), new.Peek()
		order := 0
		switch {
		case before == nil && after == nil:
			return errors.Join(old.Failed(), new.Failed())
		case before == nil:
			order = 1
		case after == nil:
			order = -1
		default:
			order = manifest.Compare(before, after)
		}
		switch {
		case order < 0:
			c.removed(before)
			old.Pass()
		case order > 0:
			c.added(after)
			new.Pass()
		default:
			c.both(before, after)
			old.Pass()
			new.Pass()
		}
	}
}

// Source returns what changed from a snapshot to a source as it is now. A
// file of another size or time has changed; with read, files are read to
// tell, and a time that lies shows. Of what is unread, since it could not be
// read, nothing is said but in the log.
func Source(ctx context.Context, repo *repository.Repository, s *repository.Snapshot, source repository.Source, read bool) (changes []Change, unread int64, err error) {
	root, err := repo.OpenRoot()
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()
	defer repo.Progress.Begin("compare " + s.Ref().String())()
	repo.Progress.TotalFiles.Store(s.Files)
	var c comparison
	old, err := parent.Open(root, s.Ref(), 0, c.removed)
	if err != nil {
		return nil, 0, fmt.Errorf("diff: %w", err)
	}
	defer old.Close()
	w := &walk.Walk{Prepare: func(b *walk.Batch) error {
		_, err := old.Follow(b)
		return err
	}}
	if s.Errors > 0 { // to be stored under another name is one
		renamed, err := renamed(root, s.Ref())
		if err != nil {
			return nil, 0, fmt.Errorf("diff: %w", err)
		}
		if len(renamed) > 0 {
			w.Rename = func(folder string, _ []string, taken func(string) bool) (map[string]string, error) {
				maps.DeleteFunc(renamed[folder], func(_, name string) bool { return taken(name) })
				return renamed[folder], nil
			}
		}
	}
	var workers []*content.Worker
	for range w.WorkerCount() {
		workers = append(workers, content.NewWorker(old.Header.Hash))
	}
	w.Work = func(ctx context.Context, worker int, b *walk.Batch) error {
		return c.batch(ctx, repo, workers[worker], b, read)
	}
	var counts repository.Counts
	unseen := parent.Closed{}
	err = repo.Walk(ctx, w, source, &counts, func(b *walk.Batch) error {
		unseen.Note(b)
		return nil
	})
	if err == nil {
		err = errors.Join(old.Rest(), old.Failed())
	}
	if err != nil {
		return nil, 0, fmt.Errorf("diff: %w", err)
	}
	c.changes = slices.DeleteFunc(c.changes, func(change Change) bool { return change.What == Removed && unseen.Hide(change.Path) })
	return c.result(), counts.Errors, nil
}

// renamed returns for each folder of a snapshot the names that it has there, by those in
// the source, of what the root had to store under another name.
func renamed(root *store.Root, ref store.Ref) (map[string]map[string]string, error) {
	found := map[string]map[string]string{}
	err := parent.ReadManifest(root, ref, func(_ *manifest.Reader, entries iter.Seq2[*manifest.Entry, error]) error {
		for e, err := range entries {
			if err != nil {
				return err
			}
			if e.SourceName == "" {
				continue
			}
			folder := path.Dir(e.Path)
			if found[folder] == nil {
				found[folder] = map[string]string{}
			}
			found[folder][strings.Clone(e.SourceName)] = strings.Clone(e.Name())
		}
		return nil
	})
	return found, err
}

// batch compares what a walk has found with what lies alongside.
func (c *comparison) batch(ctx context.Context, repo *repository.Repository, w *content.Worker, b *walk.Batch, read bool) error {
	a := b.Data.(*parent.Batch)
	if b.First {
		own := b.Folder.Entry
		own.Path = b.Path
		c.live(ctx, repo, w, b, a.Folder.Entry(), &own, false)
	}
	for i := range b.Entries {
		now := &b.Entries[i]
		old := a.At(now).Entry()
		a.Entries[now.At] = parent.Position{}
		if err := c.live(ctx, repo, w, b, old, now, read); err != nil {
			return err
		}
	}
	for _, at := range a.Entries {
		if old := at.Entry(); old != nil { // listed, but gone or not wanted
			c.removed(old)
		}
	}
	return nil
}

// live compares one entry of a source, whose digest is not known yet.
func (c *comparison) live(ctx context.Context, repo *repository.Repository, w *content.Worker, b *walk.Batch, old *manifest.Entry, now *walk.Entry, read bool) error {
	repo.Progress.Files.Add(1)
	xattrs := func() (err error) {
		name := now.NameInSource()
		if now.Kind == manifest.Dir {
			name = ""
		}
		now.Xattrs, err = b.Folder.Dir.Xattrs(name)
		return walk.Seen(err)
	}
	if err := xattrs(); err != nil {
		b.Errors = append(b.Errors, content.FromSource("read attributes", now.Path, err))
	}
	if now.Kind == manifest.File {
		same := old != nil && old.Kind == manifest.File && old.Size == now.Size
		switch {
		case same && (now.Size == 0 || !read && old.Mtime == now.Mtime):
			now.Digest = old.Digest
		case read && (same || old == nil):
			if _, err := w.HashFile(ctx, b.Folder.Dir, now.NameInSource(), now.Path, &repo.Progress.Bytes); err != nil {
				if cause := context.Cause(ctx); cause != nil {
					return cause
				}
				b.Errors = append(b.Errors, err)
				return nil
			}
			now.Digest = w.Sum()
		}
	}
	if old == nil {
		c.added(&now.Entry)
	} else {
		c.both(old, &now.Entry)
	}
	return nil
}
