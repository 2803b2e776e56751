package fault

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkg/xattr"
	"golang.org/x/sys/unix"
)

// A node is what can be told of a path.
type node struct {
	what  string // kind, size and digest or target
	mode  string // permissions and owner
	mtime int64
	attrs string
	inode uint64
}

// list returns what lies at path and below it, by path relative to it. What
// vanishes meanwhile is left out.
func list(path string) (map[string]node, error) {
	out := map[string]node{}
	err := filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		below, _ := filepath.Rel(path, at)
		out[below], err = look(at)
		return err
	})
	return out, err
}

func look(path string) (node, error) {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return node{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	n := node{
		mode:  fmt.Sprintf("%o %d:%d", stat.Mode&0o7777, stat.Uid, stat.Gid),
		mtime: stat.Mtim.Nano(),
		inode: stat.Ino,
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		data, err := os.ReadFile(path)
		if err != nil {
			return node{}, err
		}
		n.what = fmt.Sprintf("file %d %x", len(data), sha256.Sum256(data))
	case unix.S_IFLNK:
		to, err := os.Readlink(path)
		if err != nil {
			return node{}, err
		}
		n.what = "link " + to
	default:
		n.what = fmt.Sprintf("%o %d", stat.Mode&unix.S_IFMT, stat.Rdev)
	}
	attrs, err := attributes(path)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		n.attrs += fmt.Sprintf("%s=%q ", name, attrs[name])
	}
	return n, err
}

// attributes returns the extended ones of a path that users can give.
func attributes(path string) (map[string][]byte, error) {
	names, err := xattr.LList(path)
	if err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) {
			return nil, nil
		}
		return nil, err
	}
	out := map[string][]byte{}
	for _, name := range names {
		if strings.HasPrefix(name, "user.") {
			if out[name], err = xattr.LGet(path, name); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// copyTree makes to a copy of from, in which all is as it was but inodes and
// change times.
func copyTree(from, to string) error {
	made := map[uint64]string{}
	type folder struct {
		path string
		stat unix.Stat_t
	}
	var folders []folder
	err := filepath.WalkDir(from, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, _ := filepath.Rel(from, at)
		target := filepath.Join(to, below)
		var stat unix.Stat_t
		if err := unix.Lstat(at, &stat); err != nil {
			return err
		}
		if first := made[stat.Ino]; first != "" {
			return os.Link(first, target)
		}
		switch stat.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			folders = append(folders, folder{target, stat})
			err = os.Mkdir(target, 0o700)
		case unix.S_IFREG:
			var data []byte
			if data, err = os.ReadFile(at); err == nil {
				err = os.WriteFile(target, data, 0o600)
			}
		case unix.S_IFLNK:
			var to string
			if to, err = os.Readlink(at); err == nil {
				err = os.Symlink(to, target)
			}
		default:
			err = unix.Mknod(target, stat.Mode, int(stat.Rdev))
		}
		if err != nil {
			return err
		}
		if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
			made[stat.Ino] = target
			return dress(at, target, &stat)
		}
		return nil
	})
	for _, f := range slices.Backward(folders) {
		if err == nil {
			below, _ := filepath.Rel(to, f.path)
			err = dress(filepath.Join(from, below), f.path, &f.stat)
		}
	}
	return err
}

// dress gives a copy the owner, mode, attributes and times of what it is of.
func dress(from, to string, stat *unix.Stat_t) error {
	if err := os.Lchown(to, int(stat.Uid), int(stat.Gid)); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(to, stat.Mode&0o7777); err != nil {
			return err
		}
		attrs, err := attributes(from)
		if err != nil {
			return err
		}
		for name, value := range attrs {
			if err := xattr.LSet(to, name, value); err != nil {
				return err
			}
		}
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, to, []unix.Timespec{stat.Atim, stat.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// A difference is one between what should be and what is.
type difference struct {
	path, what string
	dress      bool // in metadata alone
}

func (d difference) String() string { return d.path + ": " + d.what }

// compare returns how got differs from want. Times are compared only where all
// is asked for: paths that share an inode have one of them.
func compare(want, got map[string]node, all bool) (out []difference) {
	for _, path := range slices.Sorted(maps.Keys(want)) {
		w := want[path]
		g, ok := got[path]
		switch {
		case !ok:
			out = append(out, difference{path, "is missing", false})
		case w.what != g.what:
			out = append(out, difference{path, fmt.Sprintf("is %s, should be %s", g.what, w.what), false})
		case w.mode != g.mode:
			out = append(out, difference{path, fmt.Sprintf("has mode %s, should have %s", g.mode, w.mode), true})
		case w.attrs != g.attrs:
			out = append(out, difference{path, fmt.Sprintf("has attributes %q, should have %q", g.attrs, w.attrs), true})
		case all && w.mtime != g.mtime:
			out = append(out, difference{path, fmt.Sprintf("is of %v, should be of %v", time.Unix(0, g.mtime).UTC(), time.Unix(0, w.mtime).UTC()), true})
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[path]; !ok {
			out = append(out, difference{path, "should not be there", false})
		}
	}
	return out
}
