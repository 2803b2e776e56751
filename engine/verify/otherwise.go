package verify

import (
	"context"
	"path"
	"slices"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// hashedOtherwise returns, for each digest, files that may have its content and have a
// digest by another algorithm: of the same size, a few of each content.
func hashedOtherwise(ctx context.Context, cat *catalog.Catalog, places map[manifest.Digest][]location) (map[manifest.Digest][]location, error) {
	bySize := map[int64][]manifest.Digest{}
	for digest, all := range places {
		if len(all) > 0 {
			bySize[all[0].size] = append(bySize[all[0].size], digest)
		}
	}
	taken := map[manifest.Digest]int{}
	versions, err := cat.Contained(ctx, func(size int64, d manifest.Digest) bool {
		if taken[d] == repository.CandidatesAsked ||
			!slices.ContainsFunc(bySize[size], func(asked manifest.Digest) bool { return asked.Algorithm() != d.Algorithm() }) {
			return false
		}
		taken[d]++
		return true
	})
	if err != nil {
		return nil, err
	}
	found := map[manifest.Digest][]location{}
	for _, v := range versions {
		e, s := v.Entry, &v.Snapshots[0]
		p := location{ref: store.Ref{Name: s.Name, Stamp: s.Stamp}, path: e.Path, size: e.Size, stored: e.InSnapshot(), xattrs: e.Xattrs}
		for _, digest := range bySize[e.Size] {
			if digest.Algorithm() != e.Digest.Algorithm() {
				found[digest] = append(found[digest], p)
			}
		}
	}
	return found, nil
}

// findOtherwise reads files that have digests by other algorithms until one has the
// content.
func (r *repair) findOtherwise(ctx context.Context) error {
	for _, p := range r.otherwise {
		folder, err := r.folderOf(p.ref, p.path)
		if err != nil {
			continue // a verification of that snapshot reports it
		}
		inode, err := folder.Look(path.Base(p.path))
		ok := false
		if err == nil {
			p.wrongTime = inode.Mtime != p.stored.Mtime
			ok, _ = r.holds(ctx, folder, inode, p) // fails only where the context has ended
		}
		folder.Close()
		if cause := context.Cause(ctx); ok || cause != nil {
			return cause
		}
	}
	return nil
}
