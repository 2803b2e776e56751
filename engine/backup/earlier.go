package backup

import (
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// earlier is a tree whose files the run may link to unread, and the manifest of
// that tree: the snapshot before, or what a run that was cut off has left. The
// zero value holds nothing.
type earlier struct {
	cursor  *parent.Cursor
	tree    *store.Dir
	ref     store.Ref // of the snapshot; zero for a run that was cut off
	planned bool      // a dry run would have made the snapshot: there is no tree
	// Another host wrote the manifest. Nobody else but that host knows what its
	// source was like: what the manifest says of times and inodes vouches for nothing.
	stranger bool
	doubted  bool // the files may not be what the manifest says, and are hashed before they are linked to
}

func (s *earlier) close() {
	s.cursor.Close()
	if s.tree != nil {
		s.tree.Close()
	}
}

// enter returns the tree's folder for that of the batch, nil where there is
// none. above is the tree's folder for the one that the batch's folder lies in,
// and found what the manifest holds of the batch.
func (s *earlier) enter(b *walk.Batch, found *parent.Batch, above *store.Dir) (*store.Dir, error) {
	switch {
	case b.Folder.Parent == nil && s.tree != nil:
		return s.tree.Descend(".")
	case above != nil && found.Folder.Chunk != nil:
		// What cannot be opened, or is no folder, has nothing to link to.
		dir, _ := above.Open(b.Folder.Name())
		return dir, nil
	}
	return nil, nil
}

// origin is what an earlier tree has under the path of a task.
type origin struct {
	*earlier
	entry *manifest.Entry // nil where the manifest does not have the path
	dir   *store.Dir      // the folder of the path; nil where the tree does not have it
}

// makeRoom gives up what a run that was cut off has left, since some of it may
// not be wanted any more. It reports whether there was anything.
func (r *run) makeRoom() bool {
	r.room.Do(func() {
		if r.resumed.tree != nil {
			r.log.Warn("no space left, what the run that was cut off has left is given up")
			r.madeRoom = r.partial.DropPrevious() == nil
		}
	})
	return r.madeRoom
}
