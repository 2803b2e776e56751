package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

// Version is one version of a path.
type Version struct {
	*manifest.Entry
	Snapshots []*repository.Snapshot // that hold it, the newest first; all of one name
}

// Files returns what a snapshot holds in the order of the walk, from its
// manifest: everything, or with a glob what that matches as those of a scan do.
// Entries are good until the next one. An error ends it.
func (e *Engine) Files(ctx context.Context, s *repository.Snapshot, glob string) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		stopped := false
		err := e.files(ctx, s, glob, func(entry *manifest.Entry) bool {
			stopped = !yield(entry, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(nil, fmt.Errorf("read %s: %w", s.Ref(), err))
		}
	}
}

func (e *Engine) files(ctx context.Context, s *repository.Snapshot, glob string, yield func(*manifest.Entry) bool) error {
	wanted := func(*manifest.Entry) bool { return true }
	if glob != "" {
		patterns, err := walk.CompilePatterns([]string{glob})
		if err != nil {
			return err
		}
		wanted = func(entry *manifest.Entry) bool {
			folder := ""
			if i := strings.LastIndexByte(entry.Path, '/'); i >= 0 {
				folder = entry.Path[:i]
			}
			return patterns.Match(folder, entry.Name())
		}
	}
	root, err := e.repo.OpenRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	return parent.ReadManifest(root, s.Ref(), func(_ *manifest.Reader, entries iter.Seq2[*manifest.Entry, error]) error {
		for entry, err := range entries {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			if wanted(entry) && !yield(entry) {
				return nil
			}
		}
		return nil
	})
}

// Versions returns what a path was, under one name or with "" under all of
// them, the newest version first. An absolute path is one of a source, or of a
// file in a snapshot, and has versions in the snapshots of that source or name.
// A relative one is as in the snapshots; where none of them holds it, it is as
// seen from the working directory or from the root, or of the form that
// [Engine.Locate] knows.
func (e *Engine) Versions(ctx context.Context, path, name string) iter.Seq2[*Version, error] {
	return e.versions(ctx, "versions of "+path, func(cat *catalog.Catalog, known map[catalog.ID]*repository.Snapshot) (list []catalog.Version, err error) {
		if !filepath.IsAbs(path) {
			list, err := cat.Versions(ctx, filepath.ToSlash(filepath.Clean(path)), name)
			if len(list) > 0 || err != nil {
				return list, err
			}
		}
		places, err := e.places(ctx, path, known)
		if err != nil {
			return nil, err
		}
		for at := range places {
			if name != "" && name != at.name {
				continue
			}
			found, err := cat.Versions(ctx, at.path, at.name)
			if err != nil {
				return nil, err
			}
			list = append(list, found...)
		}
		slices.SortStableFunc(list, func(a, b catalog.Version) int {
			return b.Snapshots[0].Started.Compare(a.Snapshots[0].Started)
		})
		return list, nil
	})
}

// Holders returns the versions of all paths whose content has that digest, and
// so the snapshots that hold it: the newest first, then by path.
func (e *Engine) Holders(ctx context.Context, digest manifest.Digest) iter.Seq2[*Version, error] {
	return e.versions(ctx, "holders of "+digest.String(), func(cat *catalog.Catalog, _ map[catalog.ID]*repository.Snapshot) ([]catalog.Version, error) {
		return cat.Holders(ctx, digest)
	})
}

func (e *Engine) versions(ctx context.Context, what string, find func(*catalog.Catalog, map[catalog.ID]*repository.Snapshot) ([]catalog.Version, error)) iter.Seq2[*Version, error] {
	return func(yield func(*Version, error) bool) {
		list, known, err := e.findVersions(ctx, find)
		if err != nil {
			yield(nil, fmt.Errorf("%s: %w", what, err))
			return
		}
		for _, v := range list {
			version := &Version{Entry: v.Entry}
			for _, s := range v.Snapshots {
				version.Snapshots = append(version.Snapshots, known[s.ID])
			}
			slices.SortStableFunc(version.Snapshots, func(a, b *repository.Snapshot) int { return b.Started.Compare(a.Started) })
			if !yield(version, nil) {
				return
			}
		}
	}
}

func (e *Engine) findVersions(ctx context.Context, find func(*catalog.Catalog, map[catalog.ID]*repository.Snapshot) ([]catalog.Version, error)) ([]catalog.Version, map[catalog.ID]*repository.Snapshot, error) {
	root, cat, done, err := e.repo.OpenRootToRead(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return nil, nil, err
	}
	known := map[catalog.ID]*repository.Snapshot{}
	for _, s := range all {
		known[s.ID] = repository.NewSnapshot(root, s)
	}
	list, err := find(cat, known)
	return list, known, err
}

// placed is a path in the snapshots of a name.
type placed struct{ name, path string }

// places returns what a path outside of the snapshots is called in them.
func (e *Engine) places(ctx context.Context, path string, known map[catalog.ID]*repository.Snapshot) (map[placed]bool, error) {
	given, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	paths := []string{given, e.realFolder(given)}
	if filepath.IsLocal(path) {
		paths = append(paths, e.realFolder(filepath.Join(e.Config.BackupPath, path)))
	}
	found := map[placed]bool{}
	for _, s := range known {
		for _, top := range []string{s.Source, s.Path} {
			for _, path := range paths {
				if inside, ok := pathInside(top, path); ok {
					found[placed{s.Name, inside}] = true
				}
			}
		}
	}
	if !strings.Contains(path, ":") {
		return found, nil
	}
	s, inside, err := e.repo.Locate(ctx, path)
	switch {
	case err == nil:
		found[placed{s.Name, filepath.ToSlash(filepath.Clean(inside))}] = true
	case !errors.Is(err, repository.ErrNoSnapshot):
		return nil, err
	}
	return found, nil
}
