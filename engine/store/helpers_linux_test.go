package store

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"phlb/engine/testenv"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// loopMount makes a file system of that size with mkfs and its arguments, and
// opens a root on it.
func loopMount(t *testing.T, size int64, mkfs ...string) *Root {
	t.Helper()
	return rootAt(t, testenv.Loop(t, size, mkfs...))
}

func rootAt(t *testing.T, path string) *Root {
	t.Helper()
	r, err := Create(path)
	must(t, err)
	t.Cleanup(r.Close)
	return r
}

// print is what must not change of an inode.
type print struct {
	stat    string
	content string
	change  unix.Timespec
	links   uint64
}

// prints takes that of all below path.
func prints(t *testing.T, path string) map[string]print {
	t.Helper()
	all := map[string]print{}
	must(t, filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		p := print{
			stat:   fmt.Sprintf("inode %d mode %o owner %d:%d size %d mtime %d", st.Ino, st.Mode, st.Uid, st.Gid, st.Size, st.Mtim.Nano()),
			change: st.Ctim, links: uint64(st.Nlink),
		}
		switch d.Type() {
		case 0:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			p.content = fmt.Sprintf("%x", sha256.Sum256(b))
		case fs.ModeSymlink:
			if p.content, err = os.Readlink(path); err != nil {
				return err
			}
		}
		all[path] = p
		return nil
	}))
	return all
}

// wantSame checks that nothing has changed but numbers of links, and with them
// the times that tell of that; relinked are the files of which links came and
// went.
func wantSame(t *testing.T, before, after map[string]print, relinked ...string) {
	t.Helper()
	for path, a := range after {
		b, ok := before[path]
		if !ok {
			t.Errorf("%s is new", path)
			continue
		}
		if a.stat != b.stat || a.content != b.content ||
			a.links == b.links && a.change != b.change && !slices.Contains(relinked, path) {
			t.Errorf("%s is %+v, was %+v", path, a, b)
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			t.Errorf("%s is gone", path)
		}
	}
}
