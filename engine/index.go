package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/store"
)

// openCatalog opens the catalog and makes it agree with what is on the disk:
// snapshots that it does not know are absorbed from their manifests, those that
// are gone are removed. The caller closes or publishes it.
func (e *Repository) openCatalog(ctx context.Context, root *store.Root) (*catalog.Catalog, error) {
	cat, _, err := e.openCaughtUp(ctx, root)
	return cat, err
}

// openToRead is openCatalog for who has nothing to publish. What was made good
// is published all the same where that can be, or the next command would read
// the same manifests again.
func (e *Repository) openToRead(ctx context.Context, root *store.Root) (*catalog.Catalog, error) {
	cat, c, err := e.openCaughtUp(ctx, root)
	if err != nil || e.env.DryRun || !c.rebuilt && len(c.added) == 0 && c.removed == 0 || cat.Away() != nil {
		return cat, err
	}
	if err := e.publish(ctx, root, cat, nil); err != nil {
		cat.Close()
		if c.rebuilt {
			e.log.Warn("the rebuilt catalog cannot take the place of the damaged one", "error", err)
		}
	}
	return e.openCatalog(ctx, root)
}

func (e *Repository) openCaughtUp(ctx context.Context, root *store.Root) (*catalog.Catalog, caughtUp, error) {
	cat, c, err := e.openAs(ctx, root, catalog.Open)
	if full := err; store.IsFull(full) {
		cat, c, err = e.openAs(ctx, root, func(path, tempDir string) (*catalog.Catalog, error) {
			return catalog.OpenAway(path, tempDir, full)
		})
	}
	if errors.Is(err, catalog.ErrDamaged) {
		if path := e.Config.Catalog; !sameFile(path, root.CatalogPath()) && !catalog.IsCatalog(path) {
			return nil, c, fmt.Errorf("%s %w", path, catalog.ErrForeign)
		}
		e.log.Warn("catalog is damaged, rebuilding it from the manifests", "catalog", e.Config.Catalog)
		cat, c, err = e.openAs(ctx, root, catalog.Create)
		c.rebuilt = true
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: give a phlb.toml this backup_path and as catalog a file of your own, which is made from the manifests that you may read", err)
	}
	return cat, c, err
}

// sameFile reports whether both paths lead to one file that is there.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

func (e *Repository) openAs(ctx context.Context, root *store.Root, open func(path, tempDir string) (*catalog.Catalog, error)) (*catalog.Catalog, caughtUp, error) {
	path := e.Config.Catalog
	if e.rehearsal.root != "" {
		path = root.CatalogPath()
	}
	cat, err := open(path, e.env.TempDir)
	if err != nil {
		return nil, caughtUp{}, err
	}
	c, err := e.catchUp(ctx, root, cat)
	if err == nil {
		err = e.rehearsal.apply(ctx, root, cat)
	}
	if err != nil {
		cat.Close()
		return nil, c, err
	}
	return cat, c, nil
}

// caughtUp is what a catalog did not know.
type caughtUp struct {
	added   []store.Ref
	broken  []*manifestError // of those that are left out
	removed int
	rebuilt bool // for the catalog there was damaged
}

// catchUp makes the catalog agree with what is on the disk.
func (e *Repository) catchUp(ctx context.Context, root *store.Root, cat *catalog.Catalog) (c caughtUp, err error) {
	known, err := cat.Snapshots(ctx)
	if err != nil {
		return c, err
	}
	sealed, err := allSealed(root)
	if err != nil {
		return c, err
	}
	byRef := make(map[store.Ref]catalog.ID, len(known))
	for _, s := range known {
		byRef[store.Ref{Name: s.Name, Stamp: s.Stamp}] = s.ID
	}
	var missing []sealedManifest
	for _, ref := range sealed {
		if _, ok := byRef[ref]; ok {
			delete(byRef, ref)
			continue
		}
		m := sealedManifest{ref: ref}
		err := readManifest(root, ref, func(r *manifest.Reader, _ iter.Seq2[*manifest.Entry, error]) error {
			m.header = r.Header
			return nil
		})
		var broken *manifestError
		if errors.As(err, &broken) {
			c.broken = append(c.broken, broken)
			continue
		}
		if err != nil {
			return c, err
		}
		missing = append(missing, m)
	}
	// What is left was removed from the disk behind the catalog's back.
	var gone []catalog.ID
	var lost, bare []string
	for ref, id := range byRef {
		gone = append(gone, id)
		if exists(root.SnapshotPath(ref)) {
			bare = append(bare, ref.String())
		} else {
			lost = append(lost, ref.String())
		}
	}
	if len(gone) > 0 {
		if err := cat.Remove(ctx, gone...); err != nil {
			return c, err
		}
		c.removed = len(gone)
	}
	e.forgotten("snapshots have lost their manifests, phlb add makes new ones", bare)
	e.forgotten("snapshots are no longer there, and forgotten", lost)
	slices.SortStableFunc(missing, func(a, b sealedManifest) int { return a.header.Started.Compare(b.header.Started) })
	for _, m := range missing {
		err := m.absorb(ctx, root, cat)
		var broken *manifestError
		switch {
		case errors.As(err, &broken):
			c.broken = append(c.broken, broken)
		case err != nil:
			return c, err
		default:
			c.added = append(c.added, m.ref)
		}
	}
	for _, err := range c.broken {
		if errors.Is(err, fs.ErrPermission) {
			e.warnOnce("a snapshot is left out, whose manifest is not for this user to read", "error", err)
		} else {
			e.warnOnce("a snapshot is left out, its manifest cannot be read; move that away and run phlb add to make a new one", "error", err)
		}
	}
	return c, nil
}

// number returns what number the catalog gives a snapshot, 0 where it has none.
// It is another one in a catalog that was made anew.
func number(ctx context.Context, cat *catalog.Catalog, ref store.Ref) (catalog.ID, error) {
	all, err := cat.Snapshots(ctx)
	for _, s := range all {
		if s.Name == ref.Name && s.Stamp == ref.Stamp {
			return s.ID, nil
		}
	}
	return 0, err
}

// forgotten says which snapshots the catalog had, and has no more.
func (e *Repository) forgotten(why string, refs []string) {
	if len(refs) > 0 {
		slices.Sort(refs)
		e.warnOnce(why, "snapshots", some(refs))
	}
}

// warnOnce warns unless it has before: a command may open the catalog more than
// once.
func (e *Repository) warnOnce(message, key string, value any) {
	if _, said := e.said.LoadOrStore(fmt.Sprint(message, value), true); !said {
		e.log.Warn(message, key, value)
	}
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

func (m *sealedManifest) absorb(ctx context.Context, root *store.Root, cat *catalog.Catalog) error {
	return readManifest(root, m.ref, func(r *manifest.Reader, entries iter.Seq2[*manifest.Entry, error]) error {
		// A folder may have been renamed by hand: where it lies counts.
		s := &catalog.Snapshot{Stamp: m.ref.Stamp, Header: r.Header}
		s.Name = m.ref.Name
		_, err := cat.Absorb(ctx, s, func(yield func(*manifest.Entry, error) bool) {
			for e, err := range entries {
				if !yield(e, err) {
					return
				}
			}
			if end := r.Summary(); end != nil {
				s.Summary = *end
			}
		})
		return err
	})
}

// manifestError says that the manifest of a snapshot cannot be read.
type manifestError struct {
	ref store.Ref
	err error
}

func (e *manifestError) Error() string { return fmt.Sprintf("manifest of %s: %v", e.ref, e.err) }
func (e *manifestError) Unwrap() error { return e.err }

// readManifest calls use with a reader of the snapshot's manifest and with its
// entries. Where these cannot be read, to the end if use goes there, the error
// is a manifestError; others are those of use.
func readManifest(root *store.Root, ref store.Ref, use func(*manifest.Reader, iter.Seq2[*manifest.Entry, error]) error) error {
	file, err := root.OpenManifest(ref)
	if err != nil {
		return &manifestError{ref, err}
	}
	defer file.Close()
	r, err := manifest.NewReader(file)
	if err != nil {
		return &manifestError{ref, err}
	}
	var broken error
	err = use(r, func(yield func(*manifest.Entry, error) bool) {
		for e, err := range r.Entries() {
			broken = err
			if !yield(e, err) {
				return
			}
		}
	})
	if broken != nil {
		return &manifestError{ref, broken}
	}
	return err
}

// publish publishes cat under the root's lock. Where another has published
// meanwhile, it starts again from that one's: the manifests hold all that
// matters, and what they do not hold is done again by redo, if there is one.
func (e *Repository) publish(ctx context.Context, root *store.Root, cat *catalog.Catalog, redo func(*catalog.Catalog) error) error {
	lock, err := root.LockSeal(ctx, e.owner())
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
	if redo != nil {
		if err := redo(again); err != nil {
			again.Close()
			return err
		}
	}
	return again.Publish()
}
