package parent

import (
	"phlb/engine/store"
	"phlb/engine/walk"
)

// Tree is a tree under the root whose files a run may link to unread, with a cursor
// over the manifest of that tree: the parent snapshot, or what a run that was cut off
// has left. The zero value is that of no tree.
type Tree struct {
	Cursor *Cursor
	Dir    *store.Dir // nil where the tree is planned
	Ref    store.Ref  // of the snapshot; zero for a run that was cut off
	// Planned says that a dry run would have made the snapshot: there is a manifest, and
	// no tree.
	Planned bool
	// OtherHost says that another host wrote the manifest. Times and inodes in it vouch
	// for nothing: only that host knows what its source was like.
	OtherHost bool
	// Doubted says that files may not be what the manifest says, and are hashed before
	// they are linked to.
	Doubted bool
}

// Close closes the cursor and the tree.
func (t *Tree) Close() {
	t.Cursor.Close()
	if t.Dir != nil {
		t.Dir.Close()
	}
}

// Enter opens the folder of the tree that has the path of the batch's folder; nil
// where there is none. above is the tree's folder for the one that the batch's folder
// lies in, and found is what the manifest holds of the batch.
func (t *Tree) Enter(b *walk.Batch, found *Batch, above *store.Dir) (*store.Dir, error) {
	switch {
	case b.Folder.Parent == nil && t.Dir != nil:
		return t.Dir.Descend(".")
	case above != nil && found.Folder.Chunk != nil:
		// What cannot be opened, or is no folder, has nothing to link to.
		dir, _ := above.Open(b.Folder.Name())
		return dir, nil
	}
	return nil, nil
}
