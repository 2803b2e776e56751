package catalog

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Files returns what a snapshot holds, in no particular order, without what a
// catalog does not keep: see [Same]. An error ends it.
func (c *Catalog) Files(ctx context.Context, id ID) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		err := c.scanFiles(ctx, id, func(v *rows.Version) (bool, error) {
			e, err := v.Entry()
			if err != nil {
				return false, err
			}
			return yield(e, nil), nil
		})
		if err != nil {
			yield(nil, fmt.Errorf("read snapshot %d: %w", id, err))
		}
	}
}

// scanFiles calls f with the versions that live in a snapshot.
func (c *Catalog) scanFiles(ctx context.Context, id ID, f func(*rows.Version) (bool, error)) error {
	if err := c.rlock(ctx); err != nil {
		return err
	}
	defer c.mu.RUnlock()
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return err
	}
	n := rows.NamesOf(all)
	ours := n[id]
	if ours == nil {
		return ErrUnknown
	}
	return rows.ScanVersions(ctx, c.file, rows.Filter{}, func(v *rows.Version, _ rows.Position) (bool, error) {
		if v.Since > id || v.Until != 0 && v.Until < id || n[v.Since] != ours {
			return true, nil
		}
		return f(v)
	})
}

// Version is one version of a path, with the snapshots that hold it.
type Version struct {
	Entry     *manifest.Entry
	Snapshots []Snapshot // the last absorbed first; never empty
}

// Versions returns what a path was, under one name or, if that is empty, under
// all of them: the newest version first.
func (c *Catalog) Versions(ctx context.Context, path, name string) ([]Version, error) {
	found, err := c.versions(ctx, func(p string) bool { return p == path }, func(_ *rows.Version, s *Snapshot) bool { return name == "" || s.Name == name })
	if err != nil {
		return nil, fmt.Errorf("read versions of %s: %w", path, err)
	}
	sortVersions(found)
	return found, nil
}

// Find returns what the wanted paths were, under one name or, if that is empty,
// under all of them, in no particular order. Versions that lived in the same
// snapshots share the list of them.
func (c *Catalog) Find(ctx context.Context, wanted func(path string) bool, name string) ([]Version, error) {
	return c.versions(ctx, wanted, func(_ *rows.Version, s *Snapshot) bool { return name == "" || s.Name == name })
}

// Holders returns the versions of all paths whose content has that digest: the
// newest first, then by path.
func (c *Catalog) Holders(ctx context.Context, digest manifest.Digest) ([]Version, error) {
	found, err := c.versions(ctx, nil, func(v *rows.Version, _ *Snapshot) bool { return v.Kind == manifest.File && v.Digest == digest })
	if err != nil {
		return nil, fmt.Errorf("read holders of %v: %w", digest, err)
	}
	sortVersions(found)
	return found, nil
}

// HashedOtherwise returns the versions that have digests by other algorithms, of all
// paths that have one of these digests in some snapshot.
func (c *Catalog) HashedOtherwise(ctx context.Context, digests map[manifest.Digest]bool) ([]Version, error) {
	paths := map[string]bool{}
	algorithms := map[manifest.Algorithm]bool{}
	_, err := c.versions(ctx, nil, func(v *rows.Version, _ *Snapshot) bool {
		if v.Kind == manifest.File && digests[v.Digest] {
			paths[strings.Clone(v.Path)] = true
			algorithms[v.Digest.Algorithm()] = true
		}
		return false
	})
	var found []Version
	if err == nil && len(paths) > 0 {
		found, err = c.versions(ctx, func(p string) bool { return paths[p] }, func(v *rows.Version, _ *Snapshot) bool {
			return v.Kind == manifest.File && v.Size > 0 && v.Stored != rows.Absent && !algorithms[v.Digest.Algorithm()]
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read digests by other algorithms: %w", err)
	}
	return found, nil
}

// Contained returns the versions of files that are not empty whose size and digest are
// wanted.
func (c *Catalog) Contained(ctx context.Context, wanted func(size int64, d manifest.Digest) bool) ([]Version, error) {
	found, err := c.versions(ctx, nil, func(v *rows.Version, _ *Snapshot) bool {
		return v.Kind == manifest.File && v.Size > 0 && v.Stored != rows.Absent && wanted(v.Size, v.Digest)
	})
	if err != nil {
		return nil, fmt.Errorf("read contents: %w", err)
	}
	return found, nil
}

// sortVersions puts the newest first, and those of one snapshot in the order of
// their paths.
func sortVersions(found []Version) {
	slices.SortFunc(found, func(a, b Version) int {
		if c := rows.NewestFirst(a.Snapshots[0], b.Snapshots[0]); c != 0 {
			return c
		}
		return cmp.Compare(a.Entry.Path, b.Entry.Path)
	})
}

// versions returns those of the wanted paths, nil for all, that are wanted by
// what they are and by the last snapshot that holds them.
func (c *Catalog) versions(ctx context.Context, wanted func(path string) bool, also func(*rows.Version, *Snapshot) bool) ([]Version, error) {
	if err := c.rlock(ctx); err != nil {
		return nil, err
	}
	defer c.mu.RUnlock()
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return nil, err
	}
	n := rows.NamesOf(all)
	var found []Version
	err = rows.ScanVersions(ctx, c.file, rows.ByPath(wanted), func(v *rows.Version, _ rows.Position) (bool, error) {
		live := n.Holding(v.Since, v.Until)
		if len(live) == 0 || !also(v, &live[0]) {
			return true, nil
		}
		e, err := v.Entry()
		found = append(found, Version{e, live})
		return true, err
	})
	return found, err
}
