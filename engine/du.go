package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// ErrNoPath says that a snapshot does not hold a path.
var ErrNoPath = errors.New("the snapshot does not hold that path")

// Usage is what a folder of a snapshot takes, with all that lies below it. Of a
// content or an inode with several names, the first of those that are looked at
// counts for what is new, and for what only the snapshot holds.
type Usage struct {
	Path      string // "." for the snapshot itself
	Files     int64
	Bytes     int64 // sizes of the files, those with several names counted for each
	NewBytes  int64 // of contents that no snapshot before it holds, of whatever name
	OnlyBytes int64 // what the removal of the snapshot would free here
}

// Du returns what a folder of a snapshot takes, and what those in it do that are
// at most depth levels below it: the whole first, then by [Usage.Bytes]. Files and
// sizes are those of the manifest, what is new the catalog knows, and what only
// the snapshot holds the inodes of its tree tell. Instead of a folder it may be a
// file.
func (e *Engine) Du(ctx context.Context, s *repository.Snapshot, folder string, depth int) ([]*Usage, error) {
	root, err := e.repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	defer e.Progress.Begin("du " + s.Ref().String())()
	u := usages{base: cmp.Or(strings.Trim(path.Clean("/"+folder), "/"), "."), depth: depth, at: map[string]*Usage{}}
	if err := e.du(ctx, root, s, &u); err != nil {
		return nil, fmt.Errorf("du %s: %w", s.Ref(), err)
	}
	return u.summed(), nil
}

func (e *Engine) du(ctx context.Context, root *store.Root, s *repository.Snapshot, u *usages) error {
	cat, err := e.repo.OpenToRead(ctx, root)
	if err != nil {
		return err
	}
	defer cat.Close()
	id, err := repository.NumberOf(ctx, cat, s.Ref())
	if err != nil {
		return err
	}
	arrived, err := cat.Arrived(ctx, id)
	if err != nil {
		return err
	}
	found := false
	err = e.files(ctx, s, "", func(entry *manifest.Entry) bool {
		at := u.of(entry)
		found = found || at != nil
		if at == nil || entry.Kind != manifest.File {
			return true
		}
		at.Files++
		at.Bytes += entry.Size
		if arrived[entry.Digest] {
			at.NewBytes += entry.Size
			delete(arrived, entry.Digest)
		}
		return true
	})
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%w: %q; phlb find looks for one", ErrNoPath, u.base)
	}
	if e.repo.Planned(s) { // what is new would have inodes of its own
		for _, at := range u.at {
			at.OnlyBytes = at.NewBytes
		}
		return nil
	}
	tree, err := root.OpenSnapshot(s.Ref())
	if err != nil {
		return err
	}
	defer tree.Close()
	return e.measureEach(ctx, tree, u)
}

// measureEach adds what only the snapshot holds: inodes all of whose names lie in
// its tree.
func (e *Engine) measureEach(ctx context.Context, tree *store.Dir, u *usages) error {
	type several struct {
		names int64
		at    *Usage // of the first that is looked at
	}
	seen := map[walk.ID]several{}
	return walk.EachFile(ctx, walk.Of(&tree.Dir), func(entry *walk.Entry) {
		e.Progress.Files.Add(1)
		at := u.of(&entry.Entry)
		if total := int64(entry.Nlink) + e.repo.Rehearsal.Names.Of(entry.ID()); total > 1 {
			inode := seen[entry.ID()]
			inode.names++
			if inode.at == nil || at != nil && manifest.CompareFolders(at.Path, inode.at.Path) < 0 {
				inode.at = at
			}
			seen[entry.ID()] = inode
			if inode.names < total {
				return
			}
			at = inode.at
		}
		if at != nil {
			at.OnlyBytes += entry.Size
		}
	})
}

// usages are those of folders, by path. Until they are summed, each has only what
// lies in no other one below it.
type usages struct {
	base  string
	depth int
	at    map[string]*Usage

	last   string // folder that was asked for
	lastAt *Usage
}

// of returns the usage that an entry counts for, nil where it is not looked at.
func (u *usages) of(entry *manifest.Entry) *Usage {
	folder := entry.Folder()
	switch {
	case entry.Path == u.base: // which may be a file
		folder = u.base
	case folder == u.last:
		return u.lastAt
	}
	u.last, u.lastAt = strings.Clone(folder), nil
	below := folder
	if u.base != "." {
		rest, ok := strings.CutPrefix(folder, u.base)
		if !ok || rest != "" && rest[0] != '/' {
			return nil
		}
		below = strings.TrimPrefix(rest, "/")
	} else if folder == "." {
		below = ""
	}
	u.lastAt = u.named(u.base)
	for level := 0; level < u.depth && below != ""; level++ {
		var name string
		name, below, _ = strings.Cut(below, "/")
		u.lastAt = u.named(path.Join(u.lastAt.Path, name))
	}
	return u.lastAt
}

func (u *usages) named(folder string) *Usage {
	at := u.at[folder]
	if at == nil {
		at = &Usage{Path: folder}
		u.at[folder] = at
	}
	return at
}

// summed adds up what the folders hold, and sorts them.
func (u *usages) summed() []*Usage {
	whole := u.at[u.base]
	delete(u.at, u.base)
	parts := slices.Collect(maps.Values(u.at))
	slices.SortFunc(parts, func(a, b *Usage) int { // the deepest first
		return cmp.Compare(strings.Count(b.Path, "/"), strings.Count(a.Path, "/"))
	})
	for _, below := range parts {
		above := cmp.Or(u.at[path.Dir(below.Path)], whole)
		above.Files += below.Files
		above.Bytes += below.Bytes
		above.NewBytes += below.NewBytes
		above.OnlyBytes += below.OnlyBytes
	}
	slices.SortFunc(parts, func(a, b *Usage) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
	return append([]*Usage{whole}, parts...)
}
