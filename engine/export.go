package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"phlb/engine/catalog/ask"
	"phlb/engine/catalog/qlfile"
	"phlb/engine/publish"
)

var (
	// ErrNoDatabase says that an export would replace something that is no export.
	ErrNoDatabase = errors.New("is there already, and no database of SQLite: choose another file")
	// ErrExportIntoRoot says that an export would lie in the backup root.
	ErrExportIntoRoot = errors.New("lies inside of the backup root, where nothing but snapshots may be: choose another folder")
)

// Export writes what the catalog holds to a file of SQLite, for programs that know
// nothing of phlb: see [ask.Export]. The file appears whole, in the place of what an
// earlier export has left there; where it fails, there is what was there before. A
// dry run only looks whether that could be done.
func (e *Engine) Export(ctx context.Context, to string) error {
	to, err := filepath.Abs(e.Expand(to))
	if err == nil {
		err = e.mayExport(to)
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	reader, err := e.reader(ctx)
	if err != nil {
		return err
	}
	if e.DryRun() {
		return reader.Close()
	}
	defer e.Progress.Begin("export")()
	if err := e.export(ctx, reader, to); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// mayExport refuses files that are not to be replaced.
func (e *Engine) mayExport(to string) error {
	root, err := filepath.EvalSymlinks(e.Config.BackupPath)
	if err == nil {
		if _, inside := pathInside(root, e.realFolder(to)); inside {
			return fmt.Errorf("%s %w", to, ErrExportIntoRoot)
		}
	}
	info, err := os.Stat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s %w", to, ErrNoDatabase)
	}
	f, err := os.Open(to)
	if err != nil {
		return err
	}
	defer f.Close()
	const magic = "SQLite format 3\x00" // see sqlite.org/fileformat2.html
	head := make([]byte, len(magic))
	n, err := io.ReadFull(f, head)
	if n > 0 && !bytes.Equal(head, []byte(magic)) {
		return fmt.Errorf("%s %w", to, ErrNoDatabase)
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	return nil
}

// leftover is how old a file of an export that was killed is at least, before another
// one deletes it.
const leftover = 24 * time.Hour

// export writes a file beside the one that is to be, and renames it.
func (e *Engine) export(ctx context.Context, reader *qlfile.Reader, to string) error {
	private := filepath.Join(filepath.Dir(to), "."+filepath.Base(to)+".tmp-")
	f, err := os.OpenFile(private+rand.Text(), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return errors.Join(err, reader.Close())
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := ask.Export(ctx, reader, f.Name()); err != nil {
		return err
	}
	// Without this, a power loss could leave an empty file in the place of a whole one.
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := publish.Rename(f.Name(), to); err != nil {
		return err
	}
	e.sweepExports(private)
	return nil
}

// sweepExports deletes what exports that were killed have left.
func (e *Engine) sweepExports(private string) {
	entries, _ := os.ReadDir(filepath.Dir(private)) // the next export may do better
	for _, entry := range entries {
		path := filepath.Join(filepath.Dir(private), entry.Name())
		if info, err := entry.Info(); err == nil && len(path) == len(private)+len(rand.Text()) && path[:len(private)] == private &&
			e.repo.Env.Now().Sub(info.ModTime()) > leftover {
			os.Remove(path)
		}
	}
}
