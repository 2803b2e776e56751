package restore

import (
	"errors"
	"path"
	"strings"
	"sync"

	"phlb/engine/catalog"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// otherCopies finds other files under the root that should have the content of a damaged
// one. It asks the catalog when the first damaged file is found.
type otherCopies struct {
	once     sync.Once
	contents *catalog.Contents // nil if there is no catalog to ask
}

func (w *otherCopies) close() {
	if w.contents != nil {
		w.contents.Close()
	}
}

// tryOtherCopies calls try with the files that should have the same content, until one has
// it, and returns where that file lies; "" where there is none.
func (p *item) tryOtherCopies(try func(dir *walk.Dir, name string) error) (where string, err error) {
	w := &p.otherCopies
	w.once.Do(func() {
		cat, err := p.OpenCatalog(p.ctx, p.root)
		if err == nil {
			defer cat.Close()
			w.contents, err = cat.Contents(p.ctx)
		}
		if err != nil {
			p.Log.Warn("the catalog cannot tell where else damaged files may be found", "error", err)
		}
	})
	if w.contents == nil {
		return "", nil
	}
	found, err := w.contents.Lookup(p.entry.Digest, repository.CandidatesAsked)
	if err != nil {
		return "", err
	}
	for _, c := range found {
		for _, s := range c.Snapshots {
			ref := store.Ref{Name: s.Name, Stamp: s.Stamp}
			var bad *damage
			if err := p.tryAt(ref, c.Path, try); !errors.As(err, &bad) {
				return ref.String() + "/" + c.Path, err
			}
		}
	}
	return "", nil
}

// openTree opens the tree of a snapshot.
func openTree(root *store.Root, ref store.Ref) (*walk.Dir, error) {
	tree, err := root.OpenSnapshot(ref)
	if err != nil {
		return nil, err
	}
	return walk.Of(&tree.Dir), nil
}

// tryAt calls try with a file of a snapshot.
func (p *item) tryAt(ref store.Ref, file string, try func(dir *walk.Dir, name string) error) error {
	dir, err := openTree(p.root, ref)
	for folder := range strings.SplitSeq(path.Dir(file), "/") {
		if err != nil {
			return errGone
		}
		outer := dir
		dir, err = outer.Open(folder)
		outer.Close()
	}
	if err != nil {
		return errGone
	}
	defer dir.Close()
	return try(dir, path.Base(file))
}
