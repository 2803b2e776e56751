package restore

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strings"

	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/walk"
)

// selection says which paths of a snapshot are restored.
type selection struct {
	base             string // the one path that is restored, with all that it holds; "." for the whole snapshot
	everything       bool   // whether all of base is restored but what is excluded
	include, exclude *walk.Patterns
}

func newSelection(o *Restoration) (s selection, err error) {
	s.base = path.Clean(strings.TrimLeft(o.Path, "/")) // a path with .. in front is no path of a snapshot
	s.everything = len(o.Include) == 0
	if s.include, err = walk.CompilePatterns(o.Include); err != nil {
		return s, fmt.Errorf("include: %w", err)
	}
	if s.exclude, err = walk.CompilePatterns(o.Exclude); err != nil {
		return s, fmt.Errorf("exclude: %w", err)
	}
	return s, nil
}

// folder returns the folder of an entry, with what the selection says of it.
func (s *selection) folder(parent *folder, e *manifest.Entry) *folder {
	f := &folder{entry: *e, parent: parent, isBase: e.Path == s.base}
	f.entry.Path = strings.Clone(e.Name()) // a part of the path would keep all of it in memory
	f.name = strings.Clone(e.NameInSource())
	f.inBase = f.isBase || parent != nil && parent.inBase
	if !f.inBase {
		return f
	}
	f.excluded = parent != nil && parent.excluded || e.Path != "." && s.exclude.Match(path.Dir(e.Path), e.Name())
	f.selected = !f.excluded && (s.everything || parent != nil && parent.selected ||
		e.Path != "." && s.include.Match(path.Dir(e.Path), e.Name()))
	return f
}

// entry reports whether the entry e of the folder f is restored.
func (s *selection) entry(f *folder, e *manifest.Entry) bool {
	if !f.inBase && e.Path != s.base {
		return false
	}
	return s.meansIn(f, path.Dir(e.Path), e.Name())
}

// means reports whether the selection has the path called name in f. The snapshot need not
// have it.
func (s *selection) means(f *folder, name string) bool { return s.meansIn(f, f.path(), name) }

// meansIn is means for a folder f of a known path.
func (s *selection) meansIn(f *folder, path, name string) bool {
	if f.excluded || s.exclude.Match(path, name) {
		return false
	}
	return s.everything || f.selected || s.include.Match(path, name)
}

// visitor is called with the entries of a manifest, in order.
type visitor interface {
	enter(*folder)
	entry(f *folder, e *manifest.Entry, selected bool)
	leave(*folder)
}

var (
	_ visitor = (*restore)(nil)
	_ visitor = (*counter)(nil)
)

// read calls v with all entries of the manifest. It leaves every folder that it has
// entered. An entry is valid until the next call.
func (r *restore) read(ctx context.Context, v visitor) error {
	ref := r.snapshot.Ref()
	var open []*folder // the folders around the entry, each in the one before
	var deepest string // the path of the folder that was entered last
	var lengths []int  // of the paths of open: each path is the beginning of deepest
	pathOf := func(n int) string {
		if n == 0 {
			return "."
		}
		return deepest[:lengths[n]]
	}
	err := parent.ReadManifest(r.root, ref, func(_ *manifest.Reader, entries iter.Seq2[*manifest.Entry, error]) error {
		for e, err := range entries {
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			n := len(open)
			for ; n > 0 && !holds(pathOf(n-1), e.Path); n-- {
				v.leave(open[n-1])
			}
			open, lengths = open[:n], lengths[:n]
			var above *folder
			if n > 0 {
				above = open[n-1]
			}
			if (above == nil) != (e.Path == ".") || above != nil && pathOf(n-1) != path.Dir(e.Path) {
				return &parent.ManifestError{Ref: ref, Err: fmt.Errorf("%q does not lie in a directory of it", e.Path)}
			}
			if e.Kind == manifest.Dir {
				f := r.selection.folder(above, e)
				v.enter(f)
				open, lengths, deepest = append(open, f), append(lengths, len(e.Path)), e.Path
			} else {
				v.entry(above, e, r.selection.entry(above, e))
			}
		}
		return nil
	})
	if err != nil && r.cancel != nil {
		r.cancel(err) // before leaving folders whose entries were not all read
	}
	for n := len(open); n > 0; n-- {
		v.leave(open[n-1])
	}
	return err
}

// holds reports whether path lies in the directory, at any depth.
func holds(dir, path string) bool {
	return dir == "." || strings.HasPrefix(path, dir) && len(path) > len(dir) && path[len(dir)] == '/'
}

// survey counts the entries to restore, if they are not all of the snapshot, and returns
// the kind of the base.
func (r *restore) survey(ctx context.Context) (manifest.Kind, error) {
	if r.selection.base == "." && r.selection.everything && len(r.Exclude) == 0 {
		r.Progress.TotalFiles.Store(r.snapshot.Files)
		r.Progress.TotalBytes.Store(r.snapshot.Bytes)
		return manifest.Dir, nil
	}
	c := &counter{base: r.selection.base}
	if err := r.read(ctx, c); err != nil {
		return 0, err
	}
	if c.kind == 0 {
		return 0, fmt.Errorf("%w: %q; phlb find looks for paths in all snapshots", ErrNoPath, r.Path)
	}
	if c.paths == 0 {
		where := ""
		if r.selection.base != "." {
			where = "; the paths of both begin at the top of the snapshot"
		}
		return 0, fmt.Errorf("%w that include and exclude mean%s", ErrNoPath, where)
	}
	r.Progress.TotalFiles.Store(c.files)
	r.Progress.TotalBytes.Store(c.bytes)
	return c.kind, nil
}

// counter is the visitor that counts the entries to restore.
type counter struct {
	base                string
	kind                manifest.Kind
	paths, files, bytes int64
}

func (c *counter) enter(f *folder) {
	if f.isBase {
		c.kind = manifest.Dir
	}
	if f.selected {
		c.paths++
	}
}

func (c *counter) leave(*folder) {}

func (c *counter) entry(_ *folder, e *manifest.Entry, selected bool) {
	if e.Path == c.base {
		c.kind = e.Kind
	}
	if !selected {
		return
	}
	c.paths++
	if e.Kind == manifest.File {
		c.files++
		c.bytes += e.Size
	}
}
