package mod

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"phlb/engine/config"
	"slices"
	"time"

	"github.com/gofrs/flock"
)

// A Cache keeps modules by their hashes, in a folder that phlb processes may share.
// Nothing in it is believed: each file is held against the lock when it is read.
type Cache struct {
	Dir string // such as ~/.cache/phlb

	// Environ is the environment for git, as NAME=VALUE.
	Environ []string
	// PlainHTTP speaks HTTP to registries on this machine.
	PlainHTTP bool

	fetched int64 // how much git may fetch for one commit, 0 for maxPack
}

// A copy is where a module lies: its files, and their listing.
type copied struct {
	dir, listing string
}

// at returns where the cache has, or would have, a module.
func (c *Cache) at(hash Hash) copied {
	dir := filepath.Join(c.Dir, "modules", hash.digits())
	return copied{dir: filepath.Join(dir, "tree"), listing: filepath.Join(dir, "tree.sha256")}
}

// put keeps a module, unless it is there already. It appears at once or not at
// all, however many do so at the same time.
func (c *Cache) put(f files) (Hash, error) {
	listing := f.listing()
	hash := listing.hash()
	at := c.at(hash)
	if at.check(hash) == nil {
		return hash, nil
	}
	tmp, err := c.aside("modules")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp) // is nothing any more after success
	if err := (copied{filepath.Join(tmp, "tree"), filepath.Join(tmp, "tree.sha256")}).write(f, listing); err != nil {
		return "", fmt.Errorf("keep modules: %w", err)
	}
	final := filepath.Dir(at.dir)
	err = os.Rename(tmp, final)
	if err != nil && at.check(hash) != nil {
		// What lies there is damaged: it goes, and nobody could have used it.
		old := tmp + ".old"
		if err := os.Rename(final, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("keep modules: %w", err)
		}
		os.RemoveAll(old)
		err = os.Rename(tmp, final)
	}
	if err != nil && at.check(hash) != nil { // else somebody else was quicker
		return "", fmt.Errorf("keep modules: %w", err)
	}
	return hash, nil
}

// aside makes a folder in one of those of the cache in which something can grow
// until it is whole. What others have left there a day ago, since they were killed,
// goes.
func (c *Cache) aside(folder string) (string, error) {
	parent := filepath.Join(c.Dir, folder)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fmt.Errorf("keep modules: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, ".new-*")
	if err != nil {
		return "", fmt.Errorf("keep modules: %w", err)
	}
	made, err := os.Stat(tmp)
	if err != nil {
		return "", fmt.Errorf("keep modules: %w", err)
	}
	others, _ := filepath.Glob(filepath.Join(c.Dir, "*", ".new-*")) // fails only for a bad pattern
	for _, other := range others {
		if info, err := os.Lstat(other); err == nil && made.ModTime().Sub(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(other)
		}
	}
	return tmp, nil
}

// write makes a copy of files where nothing is yet. They are read-only, since an
// editor should not change them by mistake.
func (c copied) write(f files, l listing) error {
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return err
	}
	for name, data := range f {
		at := filepath.Join(c.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(at, data, 0o444); err != nil {
			return err
		}
	}
	return os.WriteFile(c.listing, l.text(), 0o444)
}

// read returns the listing of a copy, which has that hash.
func (c copied) read(hash Hash) (listing, error) {
	text, err := config.ReadRegular(c.listing, maxFiles*(maxPath+100))
	if err != nil {
		return nil, err
	}
	l, err := parseListing(text, hash)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.listing, err)
	}
	return l, nil
}

// file reads one file of a copy, and returns it only if it is as it was listed.
func (c copied) file(l listing, name string) ([]byte, error) {
	want, ok := l[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	at := filepath.Join(c.dir, filepath.FromSlash(name))
	data, err := config.ReadRegular(at, maxBytes)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(data); got != want {
		return nil, &differs{at, hex.EncodeToString(got[:]), hex.EncodeToString(want[:])}
	}
	return data, nil
}

// differs says of a file that it is not what the lock stands for.
type differs struct{ path, got, want string }

func (d *differs) Error() string {
	return fmt.Sprintf("%s differs from what %s pins: it has SHA-256 %s…, want %s…", d.path, LockName, d.got[:12], d.want[:12])
}

// check holds all of a copy against a hash: every file that is listed, and that
// no other is there.
func (c copied) check(hash Hash) error {
	if hash.digits() == "" {
		return fmt.Errorf("%q is no hash", string(hash))
	}
	l, err := c.read(hash)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(l)) {
		if _, err := c.file(l, name); err != nil {
			errs = append(errs, err)
		}
	}
	err = filepath.WalkDir(c.dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && at == c.dir {
			return err
		}
		rel, err := filepath.Rel(c.dir, at)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		_, listed := l[name]
		switch {
		case left(name) && d.IsDir():
			return fs.SkipDir
		case !listed && !d.IsDir() && !left(name):
			errs = append(errs, fmt.Errorf("%s is not among the files that %s pins", at, LockName))
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// Exclusive waits until no other phlb changes the phlb.toml and phlb.lock in a
// folder, and keeps others from it until release is called.
func (c *Cache) Exclusive(ctx context.Context, dir string) (release func(), err error) {
	folder := filepath.Join(c.Dir, "locks")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("keep modules: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	lock := flock.New(filepath.Join(folder, hashOf([]byte(dir)).digits()[:32]))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("wait for another phlb mod in %s: %w", dir, err)
	}
	return func() { lock.Close() }, nil
}
