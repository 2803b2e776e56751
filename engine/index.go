package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/store"
)

// openCatalog opens the catalog and makes it agree with what is on the disk:
// snapshots that it does not know are absorbed from their manifests, those that
// are gone are removed. The caller closes or publishes it.
func (e *Engine) openCatalog(ctx context.Context, root *store.Root) (*catalog.Catalog, error) {
	cat, err := catalog.Open(e.Config.Catalog, e.env.TempDir)
	if errors.Is(err, catalog.ErrDamaged) {
		e.log.Warn("catalog is damaged, rebuilding it from the manifests", "catalog", e.Config.Catalog)
		cat, err = catalog.Create(e.Config.Catalog, e.env.TempDir)
	}
	if err != nil {
		return nil, err
	}
	if _, err := e.catchUp(ctx, root, cat); err != nil {
		cat.Close()
		return nil, err
	}
	return cat, nil
}

// catchUp reports whether there was anything to do.
func (e *Engine) catchUp(ctx context.Context, root *store.Root, cat *catalog.Catalog) (changed bool, err error) {
	known, err := cat.Snapshots(ctx)
	if err != nil {
		return false, err
	}
	sealed, err := allSealed(root)
	if err != nil {
		return false, err
	}
	byRef := make(map[store.Ref]catalog.ID, len(known))
	for _, s := range known {
		byRef[store.Ref{Name: s.Name, Stamp: s.Stamp}] = s.ID
	}
	var missing []*sealedManifest
	for _, ref := range sealed {
		if _, ok := byRef[ref]; ok {
			delete(byRef, ref)
			continue
		}
		m, err := readHeader(root, ref)
		if err != nil {
			e.log.Warn("manifest cannot be read, its snapshot is left out", "snapshot", ref, "error", err)
			continue
		}
		missing = append(missing, m)
	}
	// What is left was removed from the disk behind the catalog's back.
	var gone []catalog.ID
	for _, id := range byRef {
		gone = append(gone, id)
	}
	if len(gone) > 0 {
		if err := cat.Remove(ctx, gone...); err != nil {
			return false, err
		}
	}
	slices.SortStableFunc(missing, func(a, b *sealedManifest) int { return a.header.Started.Compare(b.header.Started) })
	for _, m := range missing {
		err := m.absorb(ctx, root, cat)
		switch {
		case errors.Is(err, manifest.ErrCutOff), errors.Is(err, manifest.ErrVersion), isSyntax(err):
			e.log.Warn("manifest cannot be read, its snapshot is left out", "snapshot", m.ref, "error", err)
		case err != nil:
			return false, err
		default:
			changed = true
		}
	}
	return changed || len(gone) > 0, nil
}

func isSyntax(err error) bool {
	var syntax *manifest.SyntaxError
	return errors.As(err, &syntax)
}

func allSealed(root *store.Root) ([]store.Ref, error) {
	names, err := root.Names()
	if err != nil {
		return nil, err
	}
	var all []store.Ref
	for _, name := range names {
		refs, err := root.Sealed(name)
		if err != nil {
			return nil, err
		}
		all = append(all, refs...)
	}
	return all, nil
}

// sealedManifest is a manifest whose header is known.
type sealedManifest struct {
	ref    store.Ref
	header manifest.Header
}

func readHeader(root *store.Root, ref store.Ref) (*sealedManifest, error) {
	f, err := root.OpenManifest(ref)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := manifest.NewReader(f)
	if err != nil {
		return nil, err
	}
	return &sealedManifest{ref, r.Header}, nil
}

func (m *sealedManifest) absorb(ctx context.Context, root *store.Root, cat *catalog.Catalog) error {
	f, err := root.OpenManifest(m.ref)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := manifest.NewReader(f)
	if err != nil {
		return err
	}
	// A folder may have been renamed by hand: where it lies counts.
	s := &catalog.Snapshot{Stamp: m.ref.Stamp, Header: r.Header}
	s.Name = m.ref.Name
	_, err = cat.Absorb(ctx, s, closing(r, &s.Summary))
	return err
}

// closing returns the entries of r, and after the last one fills in summary.
func closing(r *manifest.Reader, summary *manifest.Summary) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		for e, err := range r.Entries() {
			if !yield(e, err) {
				return
			}
		}
		if s := r.Summary(); s != nil {
			*summary = *s
		}
	}
}

// publish publishes cat under the root's lock. Where another has published
// meanwhile, it starts again from that one's and absorbs what is missing: the
// manifests hold all of it.
func (e *Engine) publish(ctx context.Context, root *store.Root, cat *catalog.Catalog) error {
	lock, err := root.LockSeal(ctx, e.env.Owner)
	if err != nil {
		cat.Close()
		return err
	}
	defer lock.Unlock()
	err = cat.Publish()
	if !errors.Is(err, catalog.ErrStale) {
		return err
	}
	again, err := e.openCatalog(ctx, root)
	if err != nil {
		return err
	}
	return again.Publish()
}

// readManifest calls f with a reader of the snapshot's manifest.
func readManifest(root *store.Root, ref store.Ref, f func(*manifest.Reader) error) error {
	file, err := root.OpenManifest(ref)
	if err != nil {
		return fmt.Errorf("manifest of %s: %w", ref, err)
	}
	defer file.Close()
	r, err := manifest.NewReader(file)
	if err == nil {
		err = f(r)
	}
	if err != nil && err != io.EOF {
		return fmt.Errorf("manifest of %s: %w", ref, err)
	}
	return nil
}
