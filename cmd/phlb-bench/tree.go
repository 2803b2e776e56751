package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// A tree is the private copy of the source that all tools back up.
type tree struct {
	root    string
	seed    uint64
	census  contents // as it was copied
	changed contents // the last time
}

// contents counts what is in a tree. Bytes are those of regular files.
type contents struct {
	Files   int   `json:"files"`
	Folders int   `json:"folders,omitempty"`
	Others  int   `json:"others,omitempty"`
	Bytes   int64 `json:"bytes"`
}

// newTree copies src into dir, under its own name.
func newTree(ctx context.Context, c *commands, src, dir string, seed uint64) (*tree, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	t := &tree{root: filepath.Join(dir, filepath.Base(src)), seed: seed}
	if _, err := c.measure(ctx, [][]string{{"cp", "-a", src, t.root}}, nil); err != nil {
		return nil, fmt.Errorf("copy the source: %w", err)
	}
	var err error
	if t.census, err = census(t.root); err != nil {
		return nil, err
	}
	if t.census.Files == 0 {
		return nil, fmt.Errorf("there is no file in %s, choose another -src", src)
	}
	return t, nil
}

func census(root string) (contents, error) {
	var c contents
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			c.Folders++
		case d.Type().IsRegular():
			info, err := d.Info()
			if err != nil {
				return err
			}
			c.Files++
			c.Bytes += info.Size()
		default:
			c.Others++
		}
		return nil
	})
	return c, err
}

// walk calls visit for every regular file, in a fixed order. It keeps no list:
// the footprint of this program hides that of the tools.
func (t *tree) walk(ctx context.Context, visit func(path string) error) error {
	return filepath.WalkDir(t.root, func(path string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || !d.Type().IsRegular() {
			return err
		}
		return visit(path)
	})
}

// warm reads the tree through: then it is in the page cache, as far as that goes.
func (t *tree) warm(ctx context.Context) error {
	buf := make([]byte, 64<<10)
	return t.walk(ctx, func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		// Neither side may bring a shortcut of its own: the bytes have to be read.
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, buf)
		return errors.Join(err, f.Close())
	})
}

// change gives 1 % of the files a new last line. One in four of them is replaced
// by a new file, the way editors do it. Which ones depends on seed and round. A
// file that may not be written is passed over, and others become likelier.
func (t *tree) change(ctx context.Context, round int) error {
	t.changed = contents{}
	left := t.census.Files
	wanted := (left + 99) / 100
	pick := rand.New(rand.NewPCG(t.seed, uint64(round)))
	err := t.walk(ctx, func(path string) error {
		chosen := pick.IntN(left) < wanted-t.changed.Files
		left--
		if !chosen {
			return nil
		}
		line := fmt.Sprintf("phlb-bench: seed %d, round %d, file %d\n", t.seed, round, left)
		write := appendLine
		if t.changed.Files%4 == 3 {
			write = rewrite
		}
		size, err := write(path, line)
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		t.changed.Files++
		t.changed.Bytes += size
		return err
	})
	if err == nil && t.changed.Files < wanted {
		err = fmt.Errorf("only %d of %d files in %s may be written", t.changed.Files, wanted, t.root)
	}
	return err
}

// appendLine returns the size that the file has then.
func appendLine(path, line string) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return 0, err
	}
	_, err = io.WriteString(f, line)
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// rewrite puts a new file with one more line in the place of the old one.
func rewrite(path, line string) (int64, error) {
	old, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer old.Close()
	info, err := old.Stat()
	if err != nil {
		return 0, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".phlb-bench-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name()) // does nothing after the rename
	_, err = io.Copy(f, old)
	_, lineErr := io.WriteString(f, line)
	if err = errors.Join(err, lineErr, f.Close()); err != nil {
		return 0, err
	}
	if err := os.Chmod(f.Name(), info.Mode().Perm()); err != nil {
		return 0, err
	}
	return info.Size() + int64(len(line)), os.Rename(f.Name(), path)
}

// removeAll removes a tree, also from folders that may not be written, which a
// backup keeps as they were.
func removeAll(root string) error {
	err := os.RemoveAll(root)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(root))
}
