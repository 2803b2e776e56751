package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"phlb/engine/manifest"
)

// sharedName is the file in the folder of ours that tells which group the root is
// shared with, on purpose.
const sharedName = "shared"

// Share lets a group look into the root and the folders of backup names, and
// remembers that this is meant.
func (r *Root) Share(gid uint32) error {
	in, err := r.ours()
	if err != nil {
		return fmt.Errorf("backup root %s: %w", r.Path, err)
	}
	defer in.Close()
	err = in.Remove(sharedName)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = r.writeOnce(in, sharedName, fmt.Appendln(nil, gid))
	}
	if err != nil {
		return fmt.Errorf("backup root %s: %w", r.Path, err)
	}
	folders, err := r.Names()
	if err != nil {
		return err
	}
	for _, name := range append([]string{"."}, folders...) {
		dir, err := r.dir.Open(name)
		if err == nil {
			err = openTo(dir, gid)
			dir.Close()
		}
		if err != nil {
			return fmt.Errorf("share %s with group %d: %w", filepath.Join(r.Path, name), gid, err)
		}
	}
	return nil
}

// openTo lets a group look into a directory.
func openTo(dir *Dir, gid uint32) error {
	own, err := dir.Self()
	if err != nil {
		return err
	}
	e := &manifest.Entry{Kind: manifest.Dir, Mtime: own.Mtime}
	e.Permissions = manifest.Permissions{Mode: 0o750, UID: own.UID, GID: gid}
	err = dir.Finish(e)
	for _, lost := range Lost(err) {
		return lost.Err
	}
	return err
}

// enterName opens the folder of a backup name, and makes it where it is missing:
// for our eyes only, and for those of the group that the root is shared with.
func (r *Root) enterName(name string) (*Dir, error) {
	folder, err := r.dir.Open(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return folder, err
	}
	if folder, err = r.dir.Enter(name, 0o700); err != nil {
		return nil, err
	}
	if gid, err := r.SharedWith(); err == nil && gid >= 0 {
		openTo(folder, uint32(gid)) // where it fails, doctor --share does it
	}
	return folder, nil
}

// SharedWith returns the group that the root is shared with, -1 for none.
func (r *Root) SharedWith() (int64, error) {
	in, err := r.dir.Open(internal)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	defer in.Close()
	f, err := in.Read(sharedName)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	defer f.Close()
	const most = 20
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return -1, err
	}
	gid, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return -1, fmt.Errorf("backup root %s: %s/%s: %w", r.Path, internal, sharedName, err)
	}
	return int64(gid), nil
}
