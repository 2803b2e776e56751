package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"strings"

	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

// Ncdu returns the lines of a file that ncdu -f reads: the tree of a snapshot or
// of a folder in it as it lies on the disk, with what its files share. ncdu tells
// from that what lies in no other snapshot: what it calls unique. An error ends it.
func (e *Engine) Ncdu(ctx context.Context, s *repository.Snapshot, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		n := &ncdu{folder: strings.Trim(path.Clean("/"+folder), "/"), yield: yield}
		err := e.ncdu(ctx, s, n)
		if err != nil && !n.stopped {
			yield("", fmt.Errorf("du %s: %w", s.Ref(), err))
		}
	}
}

func (e *Engine) ncdu(ctx context.Context, s *repository.Snapshot, n *ncdu) error {
	root, err := e.repo.OpenRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	defer e.Progress.Begin("du " + s.Ref().String())()
	tree, err := root.OpenSnapshot(s.Ref())
	if err != nil {
		return err
	}
	defer tree.Close()
	if n.folder != "" {
		in, err := tree.Descend(n.folder)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %q; phlb find looks for one", ErrNoPath, n.folder)
		}
		if err != nil {
			return err
		}
		defer in.Close()
		tree = in
	}
	n.top = filepath.Join(s.Path, filepath.FromSlash(n.folder))
	if err := n.say(fmt.Sprintf(`[1,2,{"progname":"phlb","progver":"1","timestamp":%d},`, e.repo.Env.Now().Unix())); err != nil {
		return err
	}
	w := &walk.Walk{Dir: walk.Of(&tree.Dir)}
	if err := w.Run(ctx, n.batch); err != nil {
		return err
	}
	return n.say(strings.Repeat("]", n.open+1))
}

// ncdu writes a tree as nested arrays, each of which begins with a folder's own
// entry: see ncdu.org/ncdu/jsonfmt.
type ncdu struct {
	folder, top string
	open        int // folders that are not ended
	yield       func(string, error) bool
	stopped     bool // by yield, with which ctx may have ended too
}

func (n *ncdu) say(line string) error {
	if n.stopped = !n.yield(line, nil); n.stopped {
		return repository.ErrStop
	}
	return nil
}

func (n *ncdu) batch(b *walk.Batch) error {
	if b.First {
		depth, name := 0, n.top
		if b.Path != "." {
			depth, name = strings.Count(b.Path, "/")+1, path.Base(b.Path)
		}
		end := strings.Repeat("]", n.open-depth)
		if n.open > 0 {
			end += ","
		}
		n.open = depth + 1
		if err := n.say(end + "[" + ncduItem(name, &b.Folder.Entry, len(b.Errors) > 0)); err != nil {
			return err
		}
	}
	for i := range b.Entries {
		if err := n.say("," + ncduItem(b.Entries[i].Name(), &b.Entries[i], false)); err != nil {
			return err
		}
	}
	return nil
}

func ncduItem(name string, e *walk.Entry, unread bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"name":"%s","ino":%d,"uid":%d,"gid":%d,"mode":%d,"mtime":%d`,
		ncduName(name), e.Inode, e.UID, e.GID, e.Mode, e.Mtime.Sec)
	if e.Size > 0 {
		fmt.Fprintf(&b, `,"asize":%d`, e.Size)
	}
	if e.Blocks > 0 {
		fmt.Fprintf(&b, `,"dsize":%d`, e.Blocks*512)
	}
	if e.Kind != manifest.Dir && e.Nlink > 1 {
		fmt.Fprintf(&b, `,"hlnkc":true,"nlink":%d`, e.Nlink)
	}
	if e.Kind != manifest.Dir && e.Kind != manifest.File {
		b.WriteString(`,"notreg":true`)
	}
	if unread {
		b.WriteString(`,"read_error":true`)
	}
	return b.String() + "}"
}

// ncduName escapes what may not stand in a string. Names that are not UTF-8 stay as
// they are, as ncdu itself leaves them.
func ncduName(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
