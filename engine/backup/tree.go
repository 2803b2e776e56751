package backup

import (
	"context"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// A tree is where the entries of a run go: a [partialTree] stores and links under
// the root, a [plannedTree] only counts (a dry run), an [adoptedTree] turns what
// lies there into a snapshot. The tree is chosen where a run begins; nothing
// behind it asks which of the three it is.
//
// Methods that take a task are called from several goroutines.
type tree interface {
	// enter opens the folder of t in the tree. The folder lies in that of above,
	// which is nil for the top. It is called in the order of the walk.
	enter(t, above *target) error
	// describe completes the entry of the folder of t, before the manifest has it.
	describe(t *target) error
	// bring takes an entry other than a folder, which the parent's manifest may
	// hold at that position. A result without a path leaves the entry out.
	bring(t *task, e *walk.Entry, at parent.Position) (result, error)

	// create makes the regular file e of what write writes.
	create(t *task, e *manifest.Entry, write func(*store.File) error) error
	// scratch opens a file that has no place in the tree yet; nil where the tree
	// stores nothing. Who opened it calls keep or discard.
	scratch(t *task) (*store.File, error)
	// keep gives the scratch file the metadata and the place of e.
	keep(t *task, f *store.File, e *manifest.Entry) error
	// discard removes the scratch file, if that was not kept.
	discard(t *task, f *store.File)
	// link makes the path of the task a further name of an inode under the root,
	// which is called old in from.
	link(t *task, from *store.Dir, old string, inode store.Inode) error
	// other makes a symbolic link or a special file.
	other(t *task, e *manifest.Entry) error

	// finish gives the folder of t, which is full, its metadata. It is called in
	// the order of the walk, a folder after those that lie in it.
	finish(t *target) error
	// seal makes a snapshot of the tree, whose manifest is written and closed, and
	// tells the catalog.
	seal(ctx context.Context, cat *catalog.Catalog, s *catalog.Snapshot) error
}

var (
	_ tree = (*partialTree)(nil)
	_ tree = (*plannedTree)(nil)
	_ tree = (*adoptedTree)(nil)
)

// unwritten is what trees have in common in which nothing is made: what should
// be there is only planned, or it is there already.
type unwritten struct{}

func (unwritten) create(*task, *manifest.Entry, func(*store.File) error) error { return nil }
func (unwritten) scratch(*task) (*store.File, error)                           { return nil, nil }
func (unwritten) keep(*task, *store.File, *manifest.Entry) error               { return nil }
func (unwritten) discard(*task, *store.File)                                   {}
func (unwritten) other(*task, *manifest.Entry) error                           { return nil }
func (unwritten) finish(*target) error                                         { return nil }
