package qlfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"phlb/engine/publish"
)

// File is what a published file was when it was opened, with changes that
// nobody else sees. Rows and selections may be read from several goroutines, but
// by nobody while something is changed.
type File struct {
	*database

	path      string
	published fs.FileInfo // of the file that was read; nil if there was none
	private   *private
}

// Open opens the database at path, an empty one where there is none or keep is
// not set. What is written lies beside the file until it is published, or, where
// nothing can be written there, or too little as away says, in tempDir; then it
// cannot be published.
func Open(path, tempDir string, keep bool, away error) (_ *File, err error) {
	f := &File{path: path}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	file, err := openFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if f.private, err = makePrivate(path, tempDir, away); err != nil {
		return nil, errors.Join(err, closeFile(file))
	}
	changes, err := f.private.create("catalog.ql")
	if err != nil {
		return nil, errors.Join(err, closeFile(file))
	}
	p := newPages(changes)
	f.database = &database{pages: p, failed: ErrClosed}
	if file != nil {
		// The one that is read, whatever takes its place meanwhile.
		if f.published, err = file.Stat(); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if !keep {
			file.Close()
		} else if err := p.lay(file); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	db, err := openDatabase(p, f.private.dir)
	if err != nil {
		return nil, err
	}
	f.database = db
	return f, nil
}

// openFile opens a regular file. It does not wait for another process, as the opening
// of a pipe does. A link is not followed where the path leads through an open folder:
// whoever can write to that folder may have put the link there a moment ago.
func openFile(path string) (_ *os.File, err error) {
	flags := syscall.O_NONBLOCK
	if strings.HasPrefix(path, handles) {
		flags |= noFollow
	}
	file, err := publish.Open(path, flags)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is no regular file: move it away, and the next command makes a catalog from the manifests")
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// handles is where Linux has the open files and folders of a process.
const handles = "/proc/self/fd/"

// spelled returns a path for messages. One that leads through an open folder, as
// /proc/self/fd/7/catalog.ql does, says nothing to people.
func spelled(path string) string {
	rest, ok := strings.CutPrefix(path, handles)
	if !ok {
		return path
	}
	fd, name, _ := strings.Cut(rest, "/")
	if folder, err := os.Readlink(handles + fd); err == nil {
		return filepath.Join(folder, name)
	}
	return path
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// Close throws away what was not published. A second time it does nothing.
func (f *File) Close() error {
	if f.private == nil {
		return nil
	}
	var released error
	if f.database != nil {
		released = f.database.release()
	}
	f.database = &database{failed: ErrClosed}
	removed := f.private.remove()
	f.private = nil
	return errors.Join(released, removed)
}

// New reports whether nothing was published before.
func (f *File) New() bool { return f.pages.base == nil }

// Size returns how many bytes the database has.
func (f *File) Size() int64 { return f.pages.size }

// TempDir returns a folder that goes when the file is closed.
func (f *File) TempDir() string { return f.private.dir }

// Away returns why the file cannot be published, because nothing can be written
// beside it, and nil if it can.
func (f *File) Away() error {
	if f.private == nil {
		return ErrClosed
	}
	return f.private.away
}

// Rewrite returns the file with a new database in the place of the old one,
// which fill fills. If that fails, the old one is as it was.
func (f *File) Rewrite(fill func(to *File) error) (*File, error) {
	file, err := os.CreateTemp(f.private.dir, "catalog-*.ql")
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(newPages(file), f.private.dir)
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	to := &File{database: db, path: f.path, published: f.published, private: f.private}
	if err := fill(to); err != nil {
		db.release()
		os.Remove(file.Name())
		return nil, err
	}
	// It is not needed any more, and goes with the folder at the latest.
	_ = f.database.release()
	_ = os.Remove(f.pages.Name())
	return to, nil
}

// Publish puts the database as it is now in the place of the published file, and
// ends what is read from it. The caller holds the lock that lets one publish at a
// time. Whatever fails, the published file is the old one or the new one, and
// whole. It returns [ErrStale] where the old one is not what was opened.
func (f *File) Publish() error {
	if f.failed != nil {
		return f.failed
	}
	if err := f.private.away; err != nil {
		return fmt.Errorf("nothing could be written beside it: %w", err)
	}
	if err := f.database.close(); err != nil {
		return err
	}
	file, err := f.private.create("published")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := f.pages.pack(file); err != nil {
		return err
	}
	if f.published != nil && f.published.Mode().Perm()&0o007 == 0 {
		// A group may have been let in on purpose; what all could read is of a time
		// when no care was taken. Where it fails, the owner alone can read the file.
		_ = file.Chmod(f.published.Mode().Perm())
	}
	// Without this a power loss after the rename leaves a file of the right
	// name with blocks missing, and the old catalog is gone.
	if err := file.Sync(); err != nil {
		return err
	}
	err = errors.Join(file.Close(), f.pages.File.Close())
	if base := f.pages.base; base != nil {
		err = errors.Join(err, base.file.Close())
	}
	if err != nil { // some systems rename no open file, and onto none
		return err
	}
	if err := f.Fresh(); err != nil {
		return err
	}
	if err := publish.Rename(file.Name(), f.path); err != nil {
		return err
	}
	// Without this a power loss brings back the old catalog, one run behind,
	// after the caller was told that the new one is there.
	return syncDir(filepath.Dir(f.path))
}

// Fresh returns ErrStale if the published file is not the one that was opened.
// A file that replaced it may have got its inode number.
func (f *File) Fresh() error {
	if f.private == nil {
		return ErrClosed
	}
	now, err := os.Stat(f.path)
	old := f.published
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

// Query runs a statement of QL's that only reads, through a database of its own:
// to cancel ctx ends it without harm to others, also while QL sorts or joins.
// The caller closes the query.
func (f *File) Query(ctx context.Context) (*Query, error) {
	if f.failed != nil {
		return nil, f.failed
	}
	q := &Query{ctx: ctx}
	var err error
	if q.dir, err = os.MkdirTemp(f.private.dir, "query-*"); err != nil {
		return nil, err
	}
	if q.db, err = openDatabase(f.pages.view(ctx.Done()), q.dir); err != nil {
		q.Close()
		return nil, q.Cause(err)
	}
	return q, nil
}
