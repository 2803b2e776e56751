package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// deleters is how many directories are emptied at a time.
const deleters = 4

// deleteTree deletes a tree of ours, several directories at a time. Directories
// are never shared between snapshots, so their mode may change where an
// ordinary user could not empty them otherwise.
func deleteTree(ctx context.Context, path string) error {
	parent, err := openRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	d := &deletion{ctx: ctx, slots: make(chan struct{}, deleters-1)}
	return d.tree(parent, filepath.Base(path))
}

type deletion struct {
	ctx   context.Context
	slots chan struct{} // one for every goroutine beside the first
}

// tree deletes the directory called name in parent, and all that it holds.
func (d *deletion) tree(parent *Dir, name string) error {
	if err := context.Cause(d.ctx); err != nil {
		return err
	}
	dir, err := parent.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		if err := unix.Fchmodat(parent.fd, name, 0o700, 0); err != nil {
			return &os.PathError{Op: "chmod", Path: name, Err: err}
		}
		dir, err = parent.Open(name)
	}
	if err != nil {
		return err
	}
	err = d.content(dir)
	dir.Close()
	if err != nil {
		return err
	}
	if err := unix.Unlinkat(parent.fd, name, unix.AT_REMOVEDIR); err != nil {
		return &os.PathError{Op: "rmdir", Path: name, Err: err}
	}
	return nil
}

func (d *deletion) content(dir *Dir) error {
	names, err := dir.Names()
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
	}
	allowed := false
	for _, name := range names {
		err := dir.Remove(name)
		if errors.Is(err, fs.ErrPermission) && !allowed {
			allowed = true
			if err = unix.Fchmod(dir.fd, 0o700); err == nil {
				err = dir.Remove(name)
			}
		}
		if errors.Is(err, unix.EISDIR) {
			select {
			case d.slots <- struct{}{}:
				wait.Go(func() {
					defer func() { <-d.slots }()
					if err := d.tree(dir, name); err != nil {
						fail(err)
					}
				})
				continue
			default:
				err = d.tree(dir, name)
			}
		}
		if err != nil {
			fail(err)
			break
		}
	}
	wait.Wait()
	return failed
}
