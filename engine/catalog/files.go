package catalog

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"modernc.org/ql"

	"phlb/engine/manifest"
)

// All columns in the order of the table: QL hands its rows out as they are.
var selectVersions = ql.MustCompile(`
	SELECT path, kind, size, mtime, mode, uid, gid, digest, since, until, target, stored, xattrs
	FROM versions;`)

// Files returns what a snapshot holds, in no particular order, without what a
// catalog does not keep: see [Same]. An error ends it.
func (c *Catalog) Files(ctx context.Context, id ID) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		err := c.scanFiles(ctx, id, func(v *version) (bool, error) {
			e, err := v.entry()
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
func (c *Catalog) scanFiles(ctx context.Context, id ID, f func(*version) (bool, error)) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all, err := c.db.findSnapshots(ctx)
	if err != nil {
		return err
	}
	n := namesOf(all)
	ours := n[id]
	if ours == nil {
		return ErrUnknown
	}
	var v version
	return c.db.scan(ctx, selectVersions, nil, func(row []any) (bool, error) {
		since, _ := row[8].(int64)
		until, _ := row[9].(int64)
		if ID(since) > id || until != 0 && ID(until) < id || n[ID(since)] != ours {
			return true, nil
		}
		if err := v.readRow(row); err != nil {
			return false, err
		}
		return f(&v)
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
	c.mu.RLock()
	defer c.mu.RUnlock()
	all, err := c.db.findSnapshots(ctx)
	if err != nil {
		return nil, fmt.Errorf("read versions of %s: %w", path, err)
	}
	n := namesOf(all)
	var found []Version
	err = c.db.scan(ctx, selectVersions, nil, func(row []any) (bool, error) {
		if row[0] != path {
			return true, nil
		}
		var v version
		if err := v.readRow(row); err != nil {
			return false, err
		}
		live := n.holding(v.since, v.until)
		if len(live) == 0 || name != "" && live[0].Name != name {
			return true, nil
		}
		e, err := v.entry()
		found = append(found, Version{e, live})
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read versions of %s: %w", path, err)
	}
	slices.SortFunc(found, func(a, b Version) int { return newestFirst(a.Snapshots[0], b.Snapshots[0]) })
	return found, nil
}
