package walk

import (
	"context"
	"sync"

	"phlb/engine/manifest"
)

// EachFile calls f for every regular file in the tree, one after the other in any
// order. Files that cannot be read are passed over.
func EachFile(ctx context.Context, tree *Dir, f func(*Entry)) error {
	var mu sync.Mutex
	w := &Walk{Dir: tree, Work: func(_ context.Context, _ int, b *Batch) error {
		mu.Lock()
		defer mu.Unlock()
		for i := range b.Entries {
			if b.Entries[i].Kind == manifest.File {
				f(&b.Entries[i])
			}
		}
		return nil
	}}
	return w.Run(ctx, func(*Batch) error { return nil })
}
