package repository

import (
	"context"
	"errors"
	"iter"

	"phlb/engine/config"
	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// Source is what a backup is made of.
type Source struct {
	Root  string       // path of the directory
	Rules walk.Rules   // what of the directory is wanted
	Name  string       // of the backup; "" for the folder name of Root
	Match config.Match // "" for the configured one
	Tags  []string     // of the snapshot

	AcceptShrink bool // a snapshot of far fewer files than the one before is complete
	Moved        bool // the name was that of another source, which is this one now
}

// Counts are what a walk over a source found.
type Counts struct {
	Files   int64 // regular files
	Bytes   int64 // their sizes
	Skipped int64 // entries that the rules left out
	Folders int64 // of these, directories
	Errors  int64 // entries that could not be read
}

// Skip takes back that e was counted: a caller's own rule leaves it out.
func (c *Counts) Skip(e *walk.Entry) {
	c.Skipped++
	if e.Kind == manifest.File {
		c.Files--
		c.Bytes -= e.Size
	}
}

// ErrStop ends a walk that its caller has seen enough of.
var ErrStop = errors.New("stop")

// Scan walks the source and yields its entries other than directories in the
// order of a manifest, each valid until the next. Entries that cannot be read are
// logged and counted in counts, which may be nil.
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

// Walk runs w over the source, counts what it finds, and calls emit for every
// batch, in order. Entries that cannot be read are logged.
func (repo *Repository) Walk(ctx context.Context, w *walk.Walk, source Source, counts *Counts, emit func(*walk.Batch) error) error {
	if counts == nil {
		counts = &Counts{}
	}
	*counts = Counts{}
	var err error
	if w.Root, err = Resolve(source.Root); err != nil {
		return err
	}
	w.Rules = repo.OutsideOfRoot(source.Rules)
	return w.Run(ctx, func(b *walk.Batch) error {
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
		return emit(b)
	})
}

// OutsideOfRoot returns the rules with one more: the backup root is never entered.
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
