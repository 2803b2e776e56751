package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"modernc.org/ql"
)

// Publish puts the catalog as it is now in the place of the published file, and
// closes it. The caller holds the lock that lets one publish at a time.
// Whatever fails, the published file is the old one or the new one, and whole.
// It returns [ErrStale] where the old one is not what was opened.
func (c *Catalog) Publish() error {
	defer c.Close()
	if err := c.publish(); err != nil {
		return fmt.Errorf("publish catalog %s: %w", c.path, err)
	}
	return nil
}

// Away returns why the catalog cannot be published, because nothing can be
// written beside it, and nil if it can.
func (c *Catalog) Away() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.private == nil {
		return ErrClosed
	}
	return c.private.away
}

func (c *Catalog) publish() error {
	if !c.recording.TryLock() {
		return ErrBusy
	}
	defer c.recording.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.db.failed != nil {
		return c.db.failed
	}
	if err := c.private.away; err != nil {
		return fmt.Errorf("nothing could be written beside it: %w", err)
	}
	if err := c.settleLocked(context.Background()); err != nil {
		return err
	}
	db := c.db
	for size := int64(-1); size != db.pages.size; {
		size = db.pages.size
		err := db.update(func(tx *ql.TCtx) error {
			if err := c.writeHistory(tx); err != nil {
				return err
			}
			return db.exec(tx, updateSize, size)
		})
		if err != nil {
			return err
		}
	}
	if err := db.close(); err != nil {
		return err
	}
	file, err := c.private.create("published")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := db.pages.pack(file); err != nil {
		return err
	}
	if c.published != nil {
		// Where it fails, the file stays readable by its owner alone.
		_ = file.Chmod(c.published.Mode().Perm())
	}
	// Without this a power loss after the rename leaves a file of the right
	// name with blocks missing, and the old catalog is gone.
	if err := file.Sync(); err != nil {
		return err
	}
	if err := errors.Join(file.Close(), db.pages.release()); err != nil { // some systems rename no open file
		return err
	}
	if err := c.fresh(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), c.path); err != nil {
		return err
	}
	// Without this a power loss brings back the old catalog, one run behind,
	// after the caller was told that the new one is there.
	return syncDir(filepath.Dir(c.path))
}

// fresh returns ErrStale if the published file is not the one that was opened.
// A file that replaced it may have got its inode number.
func (c *Catalog) fresh() error {
	now, err := os.Stat(c.path)
	old := c.published
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if old != nil {
			return ErrStale
		}
		return nil
	case err != nil:
		return err
	case old == nil || !os.SameFile(now, old) || now.Size() != old.Size() || !now.ModTime().Equal(old.ModTime()):
		return ErrStale
	}
	return nil
}
