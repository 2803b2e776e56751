package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"phlb/engine/catalog"
	"phlb/engine/diff"
	"phlb/engine/manifest"
	"phlb/engine/repository"
)

// Folder is a path in the snapshots of a name: what it is in one of them, and what
// it was in the others.
type Folder struct {
	Snapshot *repository.Snapshot
	Before   *repository.Snapshot // the one before it, by time; nil for the first
	Path     string
	Own      *manifest.Entry // nil where the snapshot does not hold the path
	Entries  []*FolderEntry  // of the snapshot, and of the one before what is gone, by name
	Below    map[string]*catalog.Below
	Steps    []Step // all snapshots of the name, by time
}

// FolderEntry is what lies in a directory, or did in the snapshot before.
type FolderEntry struct {
	*manifest.Entry
	What   string // since the snapshot before: as of a [Change], or "" where nothing has changed
	Detail string // what has changed, in words
	Below  *catalog.Below
}

// Step is a snapshot in the history of a path.
type Step struct {
	*repository.Snapshot
	Own *manifest.Entry // the path in it, nil where it holds none
	catalog.Turnover
}

// Folder looks at a path in all snapshots of a name at once, from the catalog. With
// deep, Below has the sizes of what lies in the directories of the folder, too; else
// of those alone, which their entries have as well. A path that no snapshot holds
// has no steps that have it.
func (e *Engine) Folder(ctx context.Context, s *repository.Snapshot, path string, deep bool) (*Folder, error) {
	root, cat, done, err := e.repo.OpenRootToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	id, err := repository.NumberOf(ctx, cat, s.Ref())
	if err == nil && id == 0 {
		err = fmt.Errorf("%w: %s was removed meanwhile", repository.ErrNoSnapshot, s.Ref())
	}
	if err != nil {
		return nil, err
	}
	found, err := cat.Folder(ctx, id, path, deep)
	if err != nil {
		return nil, err
	}
	f := &Folder{Snapshot: s, Path: path, Below: found.Below}
	at := 0
	for i, step := range found.Snapshots {
		f.Steps = append(f.Steps, Step{Snapshot: repository.NewSnapshot(root, step.Snapshot), Turnover: step.Turnover})
		if step.ID == id {
			at = i
		}
		for k := range found.Own {
			if found.Own[k].LivesIn(i) {
				f.Steps[i].Own = found.Own[k].Entry
			}
		}
	}
	f.Own = f.Steps[at].Own
	if at > 0 {
		f.Before = f.Steps[at-1].Snapshot
	}
	f.Entries = entriesOf(found, at)
	return f, nil
}

// entriesOf pairs what lies in a folder with what did in the snapshot before.
func entriesOf(found *catalog.Folder, at int) []*FolderEntry {
	children := found.Children
	slices.SortStableFunc(children, func(a, b catalog.Life) int { return strings.Compare(a.Entry.Path, b.Entry.Path) })
	entries := make([]*FolderEntry, 0, len(children))
	for len(children) > 0 {
		path := children[0].Entry.Path
		n := 1
		for n < len(children) && children[n].Entry.Path == path {
			n++
		}
		var now, before *manifest.Entry
		for i := range children[:n] {
			if children[i].LivesIn(at) {
				now = children[i].Entry
			}
			if at > 0 && children[i].LivesIn(at-1) {
				before = children[i].Entry
			}
		}
		f := &FolderEntry{Entry: cmp.Or(now, before)}
		switch {
		case now == nil:
			f.What = diff.Removed
		case at == 0: // what is in the first one is not news
		case before == nil:
			f.What = diff.Added
		default:
			f.What, f.Detail = diff.Between(before, now)
		}
		if f.Kind == manifest.Dir && now != nil {
			f.Below = found.Below[f.Name()]
		}
		entries = append(entries, f)
		children = children[n:]
	}
	return entries
}
