package qlfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// A private is a folder that belongs to one open catalog: what was changed,
// QL's log and the spools. A lock on a file in it tells that its owner lives; the folder
// of one that was killed is swept by the next Open.
type private struct {
	dir  string
	lock *flock.Flock
	away error // why the folder does not lie beside the published file
}

func (p *private) file(name string) string { return filepath.Join(p.dir, name) }

// create makes a file in the folder.
func (p *private) create(name string) (*os.File, error) {
	return os.OpenFile(p.file(name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

// makePrivate makes a folder for the catalog at path: beside it, or, where
// nothing can be written there, or too little as away says, in tempDir.
func makePrivate(path, tempDir string, away error) (*private, error) {
	parent, prefix := filepath.Dir(path), filepath.Base(path)+".tmp-"
	var beside *private
	err := away
	if !errors.Is(away, syscall.EROFS) {
		sweep(parent, prefix)
		if beside, err = newPrivate(parent, prefix); err == nil {
			err = away
		}
	}
	if err == nil && full(parent) {
		err = &fs.PathError{Op: "write", Path: parent, Err: syscall.ENOSPC}
	}
	if err == nil {
		return beside, nil
	}
	if tempDir != "" { // a root that is read-only or full can still be read
		sweep(tempDir, prefix)
		other, err2 := newPrivate(tempDir, prefix)
		if err2 == nil {
			if beside != nil {
				beside.remove()
			}
			other.away = err
			return other, nil
		}
		err = errors.Join(err, err2)
	}
	if beside != nil { // what is asked for may need no more room than there is
		return beside, nil
	}
	return nil, err
}

// newPrivate makes a folder and locks it. A sweeper may come in between; then
// the folder is gone, or is about to go, and another one is made.
func newPrivate(parent, prefix string) (*private, error) {
	var last error
	for range 10 {
		dir, err := os.MkdirTemp(parent, prefix+"*")
		if err != nil {
			return nil, err
		}
		p := &private{dir: dir, lock: flock.New(lockFile(dir))}
		var held bool
		if held, last = p.hold(); held {
			return p, nil
		}
		p.remove()
	}
	return nil, fmt.Errorf("cannot hold a lock in %s: %w", spelled(parent), last)
}

func lockFile(dir string) string { return filepath.Join(dir, "lock") }

// hold takes the lock and reports whether the locked file is still there.
func (p *private) hold() (bool, error) {
	ok, err := p.lock.TryLock()
	if err == nil && !ok {
		err = errSwept
	}
	if err != nil {
		return false, err
	}
	held, err := p.lock.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(lockFile(p.dir))
	if err == nil && !os.SameFile(held, there) {
		err = errSwept
	}
	return err == nil, err
}

// errSwept says that a sweeper took a folder for one that was left.
var errSwept = errors.New("somebody else has swept it")

// remove deletes the folder.
func (p *private) remove() error {
	// Locked until all is gone, so that no sweeper gets in between; and once
	// more for systems that do not delete a file that is open.
	first := os.RemoveAll(p.dir)
	closed := p.lock.Close()
	if first != nil {
		first = os.RemoveAll(p.dir)
	}
	return errors.Join(first, closed)
}

// sweep deletes the folders whose owners are gone. What it cannot do is left to
// another one, and so is what belongs to another user: in a shared folder, the
// lock might be a link to where we must not write.
func sweep(parent, prefix string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if info, err := e.Info(); err != nil || !ours(info) {
			continue
		}
		p := &private{dir: filepath.Join(parent, e.Name())}
		p.lock = flock.New(lockFile(p.dir))
		if ok, err := p.lock.TryLock(); err == nil && ok {
			p.remove()
		} else {
			p.lock.Close()
		}
	}
}
