package repository

import (
	"context"
	"errors"
	"io/fs"

	"phlb/engine/catalog"
	"phlb/engine/catalog/journal"
	"phlb/engine/store"
)

// absorbJournal tells the catalog what is new in the journal, the file .phlb/record.
func (repo *Repository) absorbJournal(ctx context.Context, root *store.Root, cat *catalog.Catalog) error {
	file, err := root.OpenJournal()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err = cat.AbsorbJournal(ctx, nil, 0)
		return err
	case errors.Is(err, fs.ErrPermission):
		repo.Log.Debug("the record of the backup root is not for this user to read", "error", err)
		return nil
	case err != nil:
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	bad, err := cat.AbsorbJournal(ctx, file, info.Size())
	if len(bad) > 0 {
		repo.warnOnce("lines of "+root.JournalPath()+" cannot be read, and are left out", "begin at byte", bad)
	}
	return err
}

// keepJournal writes what only the catalog knows to the journal, and reports whether that
// was possible. If not, the catalog goes on to keep it. The caller holds the seal lock.
func (repo *Repository) keepJournal(ctx context.Context, root *store.Root, cat *catalog.Catalog) bool {
	err := cat.Keep(ctx, func(lines string) error { return root.AppendJournal(journal.Head, lines) })
	kept := err == nil
	if kept {
		err = repo.absorbJournal(ctx, root, cat)
	}
	if err != nil {
		repo.Log.Info("the catalog alone knows what was done, until it can be written down", "error", err)
	}
	return kept
}
