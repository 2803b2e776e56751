package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"phlb/engine/manifest"
)

// Freed is what a deletion has set free: regular files that have no name left.
type Freed struct {
	Files int64
	Bytes int64 // their sizes
}

// deletion deletes trees of ours, several directories at a time. Directories are
// never shared between snapshots, so their mode may change where an ordinary
// user could not empty them otherwise.
type deletion struct {
	ctx     context.Context
	deleted *atomic.Int64
	slots   chan struct{} // one for every goroutine beside the first

	// Held from the look at how many names a file has until one of them is
	// removed: who removes the last one knows it.
	inodes [256]sync.Mutex

	files, bytes atomic.Int64 // freed
	stuck        atomic.Int64 // how many names could not be deleted
}

func newDeletion(ctx context.Context, deleters int, deleted *atomic.Int64) *deletion {
	return &deletion{ctx: ctx, deleted: deleted, slots: make(chan struct{}, deleters-1)}
}

func (d *deletion) freed() Freed { return Freed{d.files.Load(), d.bytes.Load()} }

// erase deletes what is called name in dir, whatever it is.
func erase(dir *Dir, name string) error {
	i, err := dir.Look(name)
	switch {
	case err != nil:
		return unlessGone(err)
	case i.Kind != manifest.Dir:
		return dir.Remove(name)
	}
	return newDeletion(context.Background(), 1, new(atomic.Int64)).folder(dir, name)
}

// folder deletes the directory called name in parent, and all that it holds.
func (d *deletion) folder(parent *Dir, name string) error {
	if err := context.Cause(d.ctx); err != nil {
		return err
	}
	dir, err := parent.OpenUnmounted(name)
	if errors.Is(err, fs.ErrPermission) {
		if err = parent.Allow(name); err == nil {
			dir, err = parent.OpenUnmounted(name)
		}
	}
	if err != nil {
		return d.fails(err)
	}
	defer dir.Close()
	// Some file systems pass over a name where one before it was removed.
	const rounds = 10
	for n := 1; ; n++ {
		found, err := d.content(dir)
		if err != nil {
			return below(name, err)
		}
		err = parent.RemoveDir(name)
		if !found || n == rounds || !errors.Is(err, fs.ErrExist) {
			return d.fails(err)
		}
	}
}

// fails counts an error about one name, and returns it. That a name is gone is no
// error: somebody else may be deleting it too.
func (d *deletion) fails(err error) error {
	if unlessGone(err) == nil {
		return nil
	}
	d.stuck.Add(1)
	return err
}

// isStuck reports whether an error is about one name, as that of an immutable file
// or of a directory that something is mounted on: others can be deleted.
func isStuck(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EBUSY) || errors.Is(err, ErrMounted)
}

// unlessGone returns nil for an error that says that somebody else deletes too.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// below puts the name of a directory before the path in err, which is of what
// lies in it.
func below(name string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		at.Path = filepath.Join(name, at.Path)
	}
	return err
}

// content deletes what is in dir, and reports whether there was anything. It goes
// on where a name cannot be deleted, and returns the first error of those.
func (d *deletion) content(dir *Dir) (found bool, err error) {
	allowed := false
	var stuck error
	var folders []string
	if err := dir.Rewind(); err != nil {
		return false, err
	}
	err = dir.Children(func(name string, inode uint64, kind manifest.Kind) error {
		found = true
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		err := errIsDir
		if kind != manifest.Dir {
			err = d.file(dir, name, inode, kind)
		}
		if errors.Is(err, fs.ErrPermission) && !allowed {
			allowed = true
			if err = dir.AllowSelf(); err == nil {
				err = d.file(dir, name, inode, kind)
			}
		}
		if err == errIsDir {
			folders = append(folders, name)
			return nil
		}
		if err = d.fails(err); isStuck(err) {
			stuck, err = cmp.Or(stuck, err), nil
		}
		return err
	})
	if err != nil {
		return found, err
	}
	return found, cmp.Or(d.folders(dir, folders), stuck)
}

// errIsDir is the error of deleting a directory like a file.
var errIsDir = errors.New("is a directory")

// file deletes a name of what is no directory, and counts it where it is that of
// a regular file.
func (d *deletion) file(dir *Dir, name string, inode uint64, kind manifest.Kind) error {
	if kind != manifest.File && kind != 0 {
		return dir.Remove(name)
	}
	guard := &d.inodes[inode%uint64(len(d.inodes))]
	guard.Lock()
	defer guard.Unlock()
	own, err := dir.Look(name)
	if err != nil {
		return unlessGone(err)
	}
	if own.Kind == manifest.Dir {
		return errIsDir
	}
	if err := dir.Remove(name); err != nil || own.Kind != manifest.File {
		return err
	}
	d.deleted.Add(1)
	if own.Links == 1 {
		d.files.Add(1)
		d.bytes.Add(own.Size)
	}
	return nil
}

// folders deletes directories in dir. Who has nothing to do takes half of what is
// left of them.
func (d *deletion) folders(dir *Dir, names []string) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	keep := func(err error) error {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
		return failed
	}
	for len(names) > 0 {
		if half := len(names) / 2; half > 0 {
			select {
			case d.slots <- struct{}{}:
				others := names[half:]
				names = names[:half]
				wait.Go(func() {
					defer func() { <-d.slots }()
					keep(d.folders(dir, others))
				})
			default:
			}
		}
		if err := keep(d.folder(dir, names[0])); err != nil && !isStuck(err) {
			break
		}
		names = names[1:]
	}
	wait.Wait()
	return failed
}
