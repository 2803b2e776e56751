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

// elsewhere knows where else the root should hold a content. It asks the catalog
// once something is found damaged.
type elsewhere struct {
	once     sync.Once
	contents *catalog.Contents // nil if there is no catalog to ask
}

func (w *elsewhere) close() {
	if w.contents != nil {
		w.contents.Close()
	}
}

// recover has try make the file of others that should have its content, until
// one has it, and returns where that lies, "" if there is none.
func (p *piece) recover(try func(dir *walk.Dir, name string) error) (where string, err error) {
	w := &p.elsewhere
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

// tryAt calls try with a path of a snapshot.
func (p *piece) tryAt(ref store.Ref, file string, try func(dir *walk.Dir, name string) error) error {
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
