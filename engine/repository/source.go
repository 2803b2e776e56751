package repository

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"phlb/engine/catalog"
	"phlb/engine/config"
	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// Source says what to back up, and by which name.
type Source struct {
	Root  string       // the path of the directory
	Rules walk.Rules   // which files of the directory are wanted
	Name  string       // the name of the backup; "" for the name of the directory
	Match config.Match // what files must agree in to share an inode; "" for the setting
	Tags  []string     // of the snapshot

	Newest       bool // whether the files that were changed last come first
	AcceptShrink bool // whether a snapshot is complete that has far fewer files than the last complete one
	Moved        bool // whether the source of the name is the same in another place
}

// ErrOtherSource says that the snapshots of a name are of another directory, or of a
// directory of another host.
var ErrOtherSource = errors.New("is the backup of another source")

// CheckSource compares the source, whose directory is at path, with that of the newest
// snapshot of the name, so that two sources do not mix under one name by mistake.
func (repo *Repository) CheckSource(ctx context.Context, cat *catalog.Catalog, source Source, name, path string) error {
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return err
	}
	last := Newest(slices.DeleteFunc(all, func(s catalog.Snapshot) bool {
		adopted := s.Source == "" || strings.HasSuffix(filepath.ToSlash(s.Source), "/"+s.Name+"/"+s.Stamp)
		return adopted // nobody knows what its source was
	}), name)
	if last == nil || last.Source == path && last.Host == repo.Env.Host || source.Moved {
		return nil
	}
	was, is := last.Source, path
	if last.Host != repo.Env.Host {
		was, is = was+" on "+last.Host, is+" on "+repo.Env.Host
	}
	if source.Name != "" {
		repo.Log.Warn("the backup goes on with another source", "name", name, "before", was, "now", is)
		return nil
	}
	return fmt.Errorf("%s %w: of %s, not of %s; choose another name with --name, or say with --moved that the source is the same in another place",
		name, ErrOtherSource, was, is)
}

// Counts are the numbers of a walk over a source.
type Counts struct {
	Files   int64 // regular files
	Bytes   int64 // the sizes of those files
	Skipped int64 // entries that the rules left out
	Folders int64 // of these, directories
	Errors  int64 // entries that could not be read
}

// Skip counts an entry as skipped that was counted as found: the caller leaves it out.
func (c *Counts) Skip(e *walk.Entry) {
	c.Skipped++
	if e.Kind == manifest.File {
		c.Files--
		c.Bytes -= e.Size
	}
}

// ErrStop ends a walk of which the caller needs no more.
var ErrStop = errors.New("stop")

// Scan walks the source and yields its entries other than directories, in the order of a
// manifest. An entry is valid until the next one. Entries that cannot be read are logged,
// and counted in counts, which may be nil.
func (repo *Repository) Scan(ctx context.Context, source Source, counts *Counts) iter.Seq2[*walk.Entry, error] {
	return func(yield func(*walk.Entry, error) bool) {
		err := repo.Walk(ctx, &walk.Walk{}, source, counts, func(b *walk.Batch) error {
			for i := range b.Entries {
				if !yield(&b.Entries[i], nil) {
					return ErrStop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, ErrStop) {
			yield(nil, err)
		}
	}
}

// Walk runs w over the source, counts the entries, and calls emit with every batch, in
// order. Entries that cannot be read are logged.
func (repo *Repository) Walk(ctx context.Context, w *walk.Walk, source Source, counts *Counts, emit func(*walk.Batch) error) error {
	if counts == nil {
		counts = &Counts{}
	}
	*counts = Counts{}
	done, err := repo.OpenSource(w, source.Root)
	if err != nil {
		return err
	}
	defer done()
	w.Rules = repo.OutsideOfRoot(source.Rules)
	stopped := false
	err = w.Run(ctx, func(b *walk.Batch) error {
		for _, err := range b.Errors {
			repo.Log.Error("cannot be read", "error", err)
		}
		for _, err := range b.Warnings {
			repo.Log.Warn("ignore file", "error", err)
		}
		counts.Errors += int64(len(b.Errors))
		counts.Skipped += int64(b.Skipped)
		counts.Folders += int64(b.Folders)
		for i := range b.Entries {
			if entry := &b.Entries[i]; entry.Kind == manifest.File {
				counts.Files++
				counts.Bytes += entry.Size
			}
		}
		err := emit(b)
		stopped = errors.Is(err, ErrStop)
		return err
	})
	if stopped { // what ends a loop may have ended ctx too, and the loop must not be called again
		return ErrStop
	}
	return err
}

// OpenSource has w walk over the directory at path. One that lies in the backup root is
// opened through the root, until the caller calls done.
func (repo *Repository) OpenSource(w *walk.Walk, path string) (done func(), err error) {
	root, below := repo.enter(path)
	if root == nil {
		w.Root, err = Resolve(path)
		return func() {}, err
	}
	defer root.Close()
	dir, err := root.Dir().Descend(below)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	w.Root, w.Dir = filepath.Join(root.Path, below), walk.Of(&dir.Dir)
	return dir.Close, nil
}

// OutsideOfRoot returns the rules with one more, which leaves out the backup root.
func (repo *Repository) OutsideOfRoot(rules walk.Rules) walk.Rules {
	root, err := store.Open(repo.Config.BackupPath)
	if err != nil {
		return rules // there is none to be entered
	}
	defer root.Close()
	if self, err := root.Dir().Self(); err == nil {
		rules.Exclude = append(rules.Exclude, walk.ID{Dev: self.Dev, Inode: self.Ino})
	}
	return rules
}
