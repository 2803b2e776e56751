package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// sharedName is the file in the folder of ours that tells which group the root is
// shared with, on purpose.
const sharedName = "shared"

// Share lets a group look into the root, and remembers that this is meant.
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
	dir, err := os.Open(r.Path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Chown(-1, int(gid)); err != nil {
		return err
	}
	return dir.Chmod(0o750)
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
