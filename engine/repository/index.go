package repository

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"

	"github.com/dustin/go-humanize/english"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/store"
)

// OpenCatalog opens the catalog and makes it agree with the disk: snapshots that it does not
// know are absorbed from their manifests, and snapshots that are gone are removed from it.
// The caller closes or publishes the catalog.
func (repo *Repository) OpenCatalog(ctx context.Context, root *store.Root) (*catalog.Catalog, error) {
	cat, _, err := repo.OpenCaughtUp(ctx, root)
	return cat, err
}

// OpenToRead is OpenCatalog for a caller that has nothing to publish. It publishes the
// catalog itself if that has changed, so that the next command need not read the same
// manifests again.
func (repo *Repository) OpenToRead(ctx context.Context, root *store.Root) (*catalog.Catalog, error) {
	cat, c, err := repo.OpenCaughtUp(ctx, root)
	if err != nil || repo.Env.DryRun || !c.rebuilt && len(c.Added) == 0 && c.Removed == 0 || cat.Away() != nil {
		return cat, err
	}
	if err := repo.Publish(ctx, root, cat, nil); err != nil {
		cat.Close()
		if c.rebuilt {
			repo.Log.Warn("the rebuilt catalog cannot take the place of the damaged one", "error", err)
		}
	}
	return repo.OpenCatalog(ctx, root)
}

// OpenRootToRead opens the root, and its catalog as OpenToRead does. The caller calls done.
func (repo *Repository) OpenRootToRead(ctx context.Context) (root *store.Root, cat *catalog.Catalog, done func(), err error) {
	if root, err = repo.OpenRoot(); err != nil {
		return nil, nil, nil, err
	}
	if cat, err = repo.OpenToRead(ctx, root); err != nil {
		root.Close()
		return nil, nil, nil, err
	}
	return root, cat, func() {
		cat.Close()
		root.Close()
	}, nil
}

// OpenCaughtUp is OpenCatalog, and also returns what has changed in the catalog.
func (repo *Repository) OpenCaughtUp(ctx context.Context, root *store.Root) (*catalog.Catalog, caughtUp, error) {
	open, create := catalog.Open, catalog.Create
	if repo.Env.ForeignRoot || repo.Env.ReadOnly || repo.Env.DryRun {
		open, create = away(root, catalog.OpenAway), away(root, catalog.CreateAway)
	}
	cat, c, err := repo.openAs(ctx, root, open)
	if full := err; store.IsFull(full) || errors.Is(full, catalog.ErrPrivate) {
		cat, c, err = repo.openAs(ctx, root, func(path, tempDir string) (*catalog.Catalog, error) {
			return catalog.OpenAway(path, tempDir, full)
		})
	}
	if errors.Is(err, catalog.ErrDamaged) {
		if path := repo.Config.Catalog; !repo.isOwnCatalog(root) && !catalog.IsCatalog(path) {
			return nil, c, fmt.Errorf("%s %w", path, catalog.ErrForeign)
		}
		repo.Log.Warn("catalog is damaged, rebuilding it from the manifests", "catalog", repo.Config.Catalog)
		cat, c, err = repo.openAs(ctx, root, create)
		c.rebuilt = true
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: give a phlb.toml this backup_path and as catalog a file of your own, which is made from the manifests that you may read", err)
	}
	return cat, c, err
}

// away returns a function that opens a catalog as if the root was read-only.
func away(root *store.Root, open func(path, tempDir string, why error) (*catalog.Catalog, error)) func(path, tempDir string) (*catalog.Catalog, error) {
	why := &fs.PathError{Op: "write", Path: root.Path, Err: syscall.EROFS}
	return func(path, tempDir string) (*catalog.Catalog, error) { return open(path, tempDir, why) }
}

func (repo *Repository) openAs(ctx context.Context, root *store.Root, open func(path, tempDir string) (*catalog.Catalog, error)) (*catalog.Catalog, caughtUp, error) {
	cat, err := repo.openPlain(root, open)
	if err != nil {
		return nil, caughtUp{}, err
	}
	c, err := repo.CatchUp(ctx, root, cat)
	if err == nil {
		err = repo.Rehearsal.apply(ctx, root, cat)
	}
	if err != nil {
		cat.Close()
		return nil, c, repo.Legible(err)
	}
	return cat, c, nil
}

// openPlain opens the catalog as it is. A catalog in the root is opened through a handle of
// its directory, since other users may be able to write there.
func (repo *Repository) openPlain(root *store.Root, open func(path, tempDir string) (*catalog.Catalog, error)) (cat *catalog.Catalog, err error) {
	path, release := repo.Config.Catalog, func() {}
	if repo.isOwnCatalog(root) {
		if path, release, err = root.OpenCatalogFolder(); err != nil {
			return nil, err
		}
	} else if !repo.Env.DryRun {
		os.MkdirAll(filepath.Dir(path), 0o700) // where that fails, the catalog cannot be published either
	}
	if cat, err = open(path, repo.Env.TempDir); err != nil {
		release()
		return nil, repo.Legible(err)
	}
	cat.Released = release
	return cat, nil
}

// byHandle matches the path of a catalog that was opened through a handle.
var byHandle = regexp.MustCompile(`/proc/self/fd/\d+/catalog\.ql`)

// namedError is an error about a catalog that was opened through a handle. Its message has
// the path of the catalog in the place of the path through the handle.
type namedError struct {
	error
	path string
}

func (e *namedError) Error() string { return byHandle.ReplaceAllLiteralString(e.error.Error(), e.path) }
func (e *namedError) Unwrap() error { return e.error }

// As gives those who ask for a path that of the catalog, too.
func (e *namedError) As(target any) bool {
	to, ok := target.(**fs.PathError)
	at, found := errors.AsType[*fs.PathError](e.error)
	if !ok || !found {
		return false
	}
	*to = &fs.PathError{Op: at.Op, Path: byHandle.ReplaceAllLiteralString(at.Path, e.path), Err: at.Err}
	return true
}

// named returns err as a namedError; nil stays nil.
func named(err error, path string) error {
	if err == nil {
		return nil
	}
	return &namedError{err, path}
}

// Legible returns err with the path of the catalog where its message has a path through
// a handle.
func (repo *Repository) Legible(err error) error { return named(err, repo.Config.Catalog) }

// caughtUp is what has changed in a catalog when it was made to agree with the disk.
type caughtUp struct {
	Added   []store.Ref
	Broken  []*parent.ManifestError // why snapshots are left out
	Removed int                     // how many snapshots
	rebuilt bool                    // whether the catalog was damaged, and a new one was made
}

// CatchUp makes the catalog agree with the disk.
func (repo *Repository) CatchUp(ctx context.Context, root *store.Root, cat *catalog.Catalog) (c caughtUp, err error) {
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
		err := parent.ReadManifest(root, ref, func(r *manifest.Reader, _ iter.Seq2[*manifest.Entry, error]) error {
			m.header = r.Header
			return nil
		})
		var broken *parent.ManifestError
		if errors.As(err, &broken) {
			c.Broken = append(c.Broken, broken)
			continue
		}
		if err != nil {
			return c, err
		}
		missing = append(missing, m)
	}
	if len(known) > 0 && len(byRef) == len(known) && !repo.Env.NewRoot && !repo.isOwnCatalog(root) {
		return c, fmt.Errorf("%s: %w: the catalog in %s knows %s, of which none is here",
			root.Path, ErrOtherRoot, repo.Config.Catalog, english.Plural(len(known), "snapshot", ""))
	}
	// What is left in byRef was removed from the disk, and the catalog was not told.
	var gone []catalog.ID
	var lost, bare []string
	for ref, id := range byRef {
		gone = append(gone, id)
		if root.HasTree(ref) {
			bare = append(bare, ref.String())
		} else {
			lost = append(lost, ref.String())
		}
	}
	if len(gone) > 0 {
		if err := cat.Remove(ctx, gone...); err != nil {
			return c, err
		}
		c.Removed = len(gone)
	}
	repo.forgotten("snapshots have lost their manifests, phlb add makes new ones", bare)
	repo.forgotten("snapshots are no longer there, and forgotten", lost)
	slices.SortStableFunc(missing, func(a, b sealedManifest) int { return a.header.Started.Compare(b.header.Started) })
	for _, m := range missing {
		err := m.absorb(ctx, root, cat)
		var broken *parent.ManifestError
		switch {
		case errors.As(err, &broken):
			c.Broken = append(c.Broken, broken)
		case err != nil:
			return c, err
		default:
			c.Added = append(c.Added, m.ref)
		}
	}
	for _, err := range c.Broken {
		if errors.Is(err, fs.ErrPermission) {
			repo.warnOnce("a snapshot is left out, whose manifest is not for this user to read", "error", err)
		} else if !err.Damaged() {
			repo.warnOnce("a snapshot is left out, since its manifest could not be read", "error", err)
		} else if errors.Is(err, parent.ErrPlace) {
			repo.warnOnce("a snapshot is left out, its manifest is not of the tree that lies there", "error", err)
		} else {
			repo.warnOnce("a snapshot is left out, its manifest cannot be read; move that away and run phlb add to make a new one", "error", err)
		}
	}
	return c, repo.absorbJournal(ctx, root, cat)
}

// isOwnCatalog reports whether the catalog lies in the root. A catalog elsewhere is there
// also while the root is not mounted.
func (repo *Repository) isOwnCatalog(root *store.Root) bool {
	return repo.Rehearsal.root != "" || repo.Config.Catalog == root.CatalogPath() || SameFile(repo.Config.Catalog, root.CatalogPath())
}

// NumberOf returns the number of a snapshot in the catalog; 0 where the catalog does not
// know it. In a catalog that was made anew a snapshot may have another number.
func NumberOf(ctx context.Context, cat *catalog.Catalog, ref store.Ref) (catalog.ID, error) {
	all, err := cat.Snapshots(ctx)
	for _, s := range all {
		if s.Name == ref.Name && s.Stamp == ref.Stamp {
			return s.ID, nil
		}
	}
	return 0, err
}

// forgotten warns of snapshots that were removed from the catalog.
func (repo *Repository) forgotten(why string, refs []string) {
	if len(refs) > 0 {
		slices.Sort(refs)
		repo.warnOnce(why, "snapshots", SomeOf(refs))
	}
}

// warnOnce warns, but not twice of the same: a command may open the catalog more than once.
func (repo *Repository) warnOnce(message, key string, value any) {
	if _, said := repo.said.LoadOrStore(fmt.Sprint(message, value), true); !said {
		repo.Log.Warn(message, key, value)
	}
}

// allSealed returns the sealed snapshots of all names.
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

// absorb adds the snapshot of the manifest to the catalog.
func (m *sealedManifest) absorb(ctx context.Context, root *store.Root, cat *catalog.Catalog) error {
	return parent.ReadManifest(root, m.ref, func(r *manifest.Reader, entries iter.Seq2[*manifest.Entry, error]) error {
		// Somebody may have renamed the folder: its name now counts.
		s := &catalog.Snapshot{Stamp: m.ref.Stamp, Header: r.Header}
		s.Name = m.ref.Name
		_, err := cat.Absorb(ctx, s, func(yield func(*manifest.Entry, error) bool) {
			for e, err := range parent.Sampled(root, m.ref, manifest.TimeOf(r.Header.Started), entries) {
				if !yield(e, err) {
					return
				}
			}
			if end := r.Summary(); end != nil {
				s.Summary = *end
			}
		})
		if errors.Is(err, manifest.ErrTag) {
			return &parent.ManifestError{Ref: m.ref, Err: err}
		}
		return err
	})
}

// Publish publishes the catalog under the seal lock. Where another process has published
// meanwhile, it opens the catalog of that process instead, which agrees with the manifests
// and the record. What is in neither is done again by redo, unless that is nil.
func (repo *Repository) Publish(ctx context.Context, root *store.Root, cat *catalog.Catalog, redo func(*catalog.Catalog) error) error {
	lock, err := root.LockSeal(ctx, repo.Owner())
	if err != nil {
		cat.Close()
		return err
	}
	defer lock.Unlock()
	err = cat.Fresh()
	if errors.Is(err, catalog.ErrStale) {
		cat.Close()
		if cat, err = repo.OpenCatalog(ctx, root); err != nil {
			return err
		}
		if redo != nil {
			err = redo(cat)
		}
	}
	if err != nil {
		cat.Close()
		return err
	}
	kept := repo.keepJournal(ctx, root, cat)
	if err = repo.Legible(cat.Publish()); err != nil && kept {
		err = &LateError{err}
	}
	return err
}

// LateError says that the catalog could not be published, and that nothing is lost: all
// is in the manifests and the record, from where the next command takes it.
type LateError struct{ Err error }

// Error returns the message.
func (e *LateError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e *LateError) Unwrap() error { return e.Err }

// CandidatesAsked is how many files of one content are tried before it is stored anew: each
// may have as many links as can be, or another owner.
const CandidatesAsked = 16
