package backup

import (
	"context"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// A tree is where a run saves entries. A [partialTree] stores and links them under the
// root, a [plannedTree] only counts them (a dry run), an [adoptedTree] makes a snapshot
// of files that lie under the root already. The tree is chosen where a run begins. The
// rest of the run does not ask which of the three it is.
//
// Methods that take a task are called from several goroutines.
type tree interface {
	// enter opens the folder f in the tree. The folder lies in above, which is nil for
	// the top. It is called in the order of the walk.
	enter(t, above *folder) error
	// describe completes the entry of the folder f before it is written to the manifest.
	describe(t *folder) error
	// save saves an entry other than a folder. at is where the parent's manifest may
	// hold the entry. A result without a path leaves the entry out of the snapshot.
	save(t *task, e *walk.Entry, at parent.Position) (result, error)

	// create makes the regular file e, with what write writes as its content.
	create(t *task, e *manifest.Entry, write func(*store.File) error) error
	// scratch creates a file outside of the tree, for content whose digest is not known
	// yet. It returns nil where the tree stores nothing. The caller calls discard.
	scratch(t *task) (*store.File, error)
	// keep gives the scratch file the metadata of e, and the path of the task.
	keep(t *task, f *store.File, e *manifest.Entry) error
	// discard removes the scratch file. What was kept stays under the path of the task.
	discard(t *task, f *store.File)
	// link makes the path of the task a further name of an inode under the root,
	// which is called old in from.
	link(t *task, from *store.Dir, old string, inode store.Inode) error
	// makeOther makes a symbolic link or a special file.
	makeOther(t *task, e *manifest.Entry) error

	// finish gives the folder f, which is complete, its metadata. It is called in the
	// order of the walk, for a folder after those that lie in it.
	finish(t *folder) error
	// seal makes a snapshot of the tree, whose manifest is written and closed, and
	// tells the catalog.
	seal(ctx context.Context, cat *catalog.Catalog, s *catalog.Snapshot) error
}

var (
	_ tree = (*partialTree)(nil)
	_ tree = (*plannedTree)(nil)
	_ tree = (*adoptedTree)(nil)
)

// unwritten is what a planned and an adopted tree have in common: neither makes files.
type unwritten struct{}

func (unwritten) create(*task, *manifest.Entry, func(*store.File) error) error { return nil }
func (unwritten) scratch(*task) (*store.File, error)                           { return nil, nil }
func (unwritten) keep(*task, *store.File, *manifest.Entry) error               { return nil }
func (unwritten) discard(*task, *store.File)                                   {}
func (unwritten) makeOther(*task, *manifest.Entry) error                       { return nil }
func (unwritten) finish(*folder) error                                         { return nil }
