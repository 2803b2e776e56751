package verify

import (
	"context"
	"path"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// findTwins notes the digests by other algorithms that other snapshots have of the inodes
// that were found rotten. The catalog tells of digests alone, and a run with such an
// algorithm must not link to these inodes either.
func (v *verification) findTwins(ctx context.Context, cat *catalog.Catalog) error {
	rotten := map[walk.ID]string{} // what is the matter
	digests := map[manifest.Digest]bool{}
	for _, d := range v.damaged {
		if !d.looksGood() {
			continue
		}
		at := location{ref: v.report.Snapshot.Ref(), path: d.entry.Path}
		if id, ok := v.idAt(at); ok {
			rotten[id] = d.what
			digests[d.entry.Digest] = true
		}
	}
	if len(rotten) == 0 {
		return nil
	}
	versions, err := cat.HashedOtherwise(ctx, digests)
	if err != nil {
		return err
	}
	for _, version := range versions {
		for _, s := range version.Snapshots {
			at := location{ref: store.Ref{Name: s.Name, Stamp: s.Stamp}, path: version.Entry.Path}
			id, ok := v.idAt(at)
			if what, is := rotten[id]; ok && is {
				v.twins = append(v.twins, catalog.Damage{
					Digest: version.Entry.Digest, Snapshot: s.ID, Path: version.Entry.Path, Found: v.Env.Now(), What: what,
				})
				break
			}
		}
	}
	return nil
}

// idAt returns the inode at a location, if it can be told from others.
func (v *verification) idAt(p location) (walk.ID, bool) {
	folder, err := v.folderOf(p.ref, p.path)
	if err != nil {
		return walk.ID{}, false
	}
	defer folder.Close()
	inode, err := folder.Look(path.Base(p.path))
	if err != nil {
		return walk.ID{}, false
	}
	id := idOf(&inode)
	return id, id.Known()
}
