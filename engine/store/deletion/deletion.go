// Package deletion deletes what lies under a backup root, several directories at a
// time. It follows no symbolic link, crosses no mount, and goes on where a name cannot
// be deleted.
package deletion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"phlb/engine/handle"
	"phlb/engine/manifest"
)

// Freed is what a deletion has set free: regular files that have no name left.
type Freed struct {
	Files int64
	Bytes int64 // their sizes
}

// Deletion deletes trees of ours. Directories are never shared between snapshots, so
// their mode may change where an ordinary user could not empty them otherwise.
type Deletion struct {
	ctx     context.Context
	deleted *atomic.Int64 // names of regular files
	slots   chan struct{} // one for every goroutine beside the first

	// Held from the look at how many names a file has until one of them is
	// removed: who removes the last one knows it.
	inodes [256]sync.Mutex

	files, bytes atomic.Int64 // freed
	stuck        atomic.Int64 // how many names could not be deleted
}

// New returns a deletion by so many goroutines at a time, which counts the names of
// regular files in deleted.
func New(ctx context.Context, deleters int, deleted *atomic.Int64) *Deletion {
	return &Deletion{ctx: ctx, deleted: deleted, slots: make(chan struct{}, deleters-1)}
}

// Freed returns what is free until now.
func (d *Deletion) Freed() Freed { return Freed{d.files.Load(), d.bytes.Load()} }

// Erase deletes what is called name in dir, whatever it is.
func Erase(dir *handle.Writer, name string) error {
	i, err := dir.Look(name)
	switch {
	case err != nil:
		return UnlessGone(err)
	case i.Kind != manifest.Dir:
		return dir.Remove(name)
	}
	return New(context.Background(), 1, new(atomic.Int64)).folder(dir, name)
}

// Tree deletes the directory called name in parent, and all that it holds. What is
// gone meanwhile is no error: somebody else may be deleting it too. Where names could
// not be deleted, the error is that of the first, and tells how many more there are.
func (d *Deletion) Tree(parent *handle.Writer, name string) error {
	stuck := d.stuck.Load()
	err := d.folder(parent, name)
	if more := d.stuck.Load() - stuck - 1; err != nil && more > 0 {
		err = fmt.Errorf("%w; the same of %d more", err, more)
	}
	return err
}

// folder deletes a directory, and all that it holds.
func (d *Deletion) folder(parent *handle.Writer, name string) error {
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
			return Below(name, err)
		}
		err = parent.RemoveDir(name)
		if !found || n == rounds || !errors.Is(err, fs.ErrExist) {
			return d.fails(err)
		}
	}
}

// fails counts an error about one name, and returns it. That a name is gone is no
// error: somebody else may be deleting it too.
func (d *Deletion) fails(err error) error {
	if UnlessGone(err) == nil {
		return nil
	}
	d.stuck.Add(1)
	return err
}

// isStuck reports whether an error is about one name, as that of an immutable file
// or of a directory that something is mounted on: others can be deleted.
func isStuck(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EBUSY) || errors.Is(err, handle.ErrMounted)
}

// UnlessGone returns nil for an error that says that somebody else deletes too.
func UnlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Below puts the name of a directory before the path in err, which is of what
// lies in it.
func Below(name string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		at.Path = filepath.Join(name, at.Path)
	}
	return err
}

// content deletes what is in dir, and reports whether there was anything. It goes
// on where a name cannot be deleted, and returns the first error of those.
func (d *Deletion) content(dir *handle.Writer) (found bool, err error) {
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
func (d *Deletion) file(dir *handle.Writer, name string, inode uint64, kind manifest.Kind) error {
	if kind != manifest.File && kind != 0 {
		return dir.Remove(name)
	}
	guard := &d.inodes[inode%uint64(len(d.inodes))]
	guard.Lock()
	defer guard.Unlock()
	own, err := dir.Look(name)
	if err != nil {
		return UnlessGone(err)
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
func (d *Deletion) folders(dir *handle.Writer, names []string) error {
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
